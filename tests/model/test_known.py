"""What is known of weights from elsewhere: typed first, then the file's, then assumed and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.files.archive import Archive
from kdrun.model.known import faults, given, known, names_in, read_names
from kdrun.types import Arrays, Dataset

PETS = ["cat", "dog", "owl"]


def data(classes: list[str] = PETS, shape: tuple[int, ...] = (3, 2, 2)) -> Dataset:
    targets = torch.arange(3) if classes else torch.rand(3)
    pixels = torch.zeros(3, *shape, dtype=torch.uint8)
    split, grey = Arrays(pixels, targets), (0.5,) * shape[0] if len(shape) == 3 else ()
    return Dataset(split, None, split, classes, shape, grey, grey)


def archive(**said: Any) -> Archive:
    return Archive({"weight": torch.zeros(1), "settings": said}, {})


def told(role: dict[str, Any], file: Archive, of: Dataset | None = None) -> tuple[Any, str]:
    found = known(role, file, of or data())
    return found.header, "; ".join(found.told)


def test_what_nobody_says_is_as_in_the_data_and_that_is_told() -> None:
    header, sentence = told({}, archive())
    assert header == {}
    assert "its classes are taken for the data's, in this order (classes=... says)" in sentence
    assert "as the data's, mean 0.5, 0.5, 0.5, std 0.5, 0.5, 0.5" in sentence
    header, sentence = told({}, archive(), data([], (4,)))
    assert header == {"unit": (0.0, 1.0)}
    assert sentence.startswith("its values are taken to be in the data's unit")


def test_what_was_typed_goes_before_what_the_file_says() -> None:
    file = archive(classes=["owl", "dog", "cat"], mean=[0.1, 0.2, 0.3], std=0.5)
    header, sentence = told({}, file)
    assert header == {"classes": ["owl", "dog", "cat"], "mean": [0.1, 0.2, 0.3], "std": [0.5] * 3}
    assert "its 3 classes are named in the file" in sentence
    typed = {"classes": ["dog", "cat"], "mean": 0.25, "std": 1}
    header, sentence = told(typed, file)
    assert header == {"classes": ["dog", "cat"], "mean": [0.25] * 3, "std": [1.0] * 3}
    assert sentence == ""
    assert "classes" not in told({"head": "new"}, file)[0]  # a new head is of the data


def test_pixels_of_255_levels_are_brought_to_the_scale_of_one() -> None:
    header, _ = told(
        {}, archive(img_mean=[123.675, 116.28, 103.53], img_std=[58.395, 57.12, 57.375])
    )
    assert header["mean"] == pytest.approx([0.485, 0.456, 0.406])
    assert header["std"] == pytest.approx([0.229, 0.224, 0.225])
    assert "mean" not in told({}, archive(mean=[0.5], std=[0.5]))[0]  # of one channel
    assert "mean" not in told({}, archive(mean=[0.5] * 3, std=[0, 1, 1]))[0]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"classes": PETS}, PETS),
        ({"label2id": {"owl": 1, "cat": 0}}, ["cat", "owl"]),
        ({"id2label": {"1": "owl", "0": "cat"}}, ["cat", "owl"]),
        ({"idx_to_class": {"0": ["n01", "cat"], "1": ["n02", "owl"]}}, ["cat", "owl"]),
        ({"id2label": {"0": "cat", "2": "owl"}}, None),  # one is missing
        ({"classes": 10}, None),
        ({"classes": [0, 1, 2]}, None),  # numbers are no names
        ({"classes": ["a", None]}, None),
    ],
)
def test_names_in_a_file_come_in_many_forms(settings: Any, names: list[str] | None) -> None:
    assert names_in(settings) == names


def test_names_are_read_from_a_file_of_lines_or_of_json(tmp_path: Path) -> None:
    lines, table = tmp_path / "names.txt", tmp_path / "names.json"
    lines.write_text("\ufeffcat\n dog \nowl\n\n")
    table.write_text(json.dumps({"owl": 2, "cat": 0, "dog": 1}))
    assert read_names(str(lines)) == read_names(str(table)) == PETS
    assert read_names([0, 1]) == ["0", "1"]
    table.write_text("{")
    for value, message in (
        (str(tmp_path / "gone.txt"), "there is no such file; give"),
        (str(table), "classes="),
        ([], "it names no classes"),
        (["a", "b", "a"], "'a' stands there twice"),
    ):
        with pytest.raises(ValueError, match=message):
            read_names(value)


@pytest.mark.parametrize(
    ("role", "of", "message"),
    [
        ({"classes": PETS}, data([]), "the data have values, not classes"),
        ({"unit": [0, 1]}, data(), r"give \[MEAN,STD\] of a regression's values"),
        ({"unit": [5, 0]}, data([]), r"unit=\[5, 0\]"),
        ({"unit": [5]}, data([]), "give 2 numbers"),
        ({"mean": 0.5}, data(), "give both mean and std"),
        ({"mean": 0.5, "std": 1}, data(PETS, (4,)), "of images, and these data are none"),
        ({"mean": 127, "std": 60}, data(), "divide mean and std by 255"),
        ({"mean": [0.5, 0.5], "std": 1}, data(), r"mean=\[0.5, 0.5\]: give 3 numbers, or one"),
        ({"mean": 0.5, "std": [1, 1, 0]}, data(), r"std=\[1, 1, 0\]: must be above 0"),
        ({"mean": True, "std": 1}, data(), "mean=True: give 3 numbers"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(
    role: dict[str, Any], of: Dataset, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        given(role, of)


def test_some_faults_show_without_any_data() -> None:
    assert list(faults({"head": "keep", "stem": None, "classes": PETS})) == []
    assert list(faults({"head": "new", "begin": "x"})) == []
    wrong = {"head": "new", "stem": "large", "classes": []}
    assert [fault.split("=")[0] for fault in faults(wrong)] == ["head", "stem", "classes"]
    assert list(faults({"head": "old"})) == ["head=old: must be keep, new, or none of a teacher"]
