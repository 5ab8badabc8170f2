"""Labelled data in a student's classes and shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kdrun.dataset.asked import Asked
from kdrun.evaluate.labelled import Labelled, of_dataset, of_path
from kdrun.evaluate.reads import Reads
from kdrun.task.classification import Classification
from kdrun.task.regression import Regression
from kdrun.types import Arrays, Dataset, Files

PETS = Classification(("cat", "dog"))
TOLD: list[str] = []


def reads(task: Any = PETS, shape: Any = (3, 8, 8), **more: Any) -> Reads:
    TOLD.clear()
    return Reads(shape, None, task, (), more.get("known_only", False), TOLD.append)


def read(path: Path, **more: Any) -> Labelled:
    return of_path(str(path), reads(**more), Asked(), None)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 12), "red").save(path)


def test_folders_are_classes_and_those_around_them_domains(tmp_path: Path) -> None:
    for home, name in (("sketch", "dog"), ("sketch", "cat"), ("photo", "dog")):
        picture(tmp_path / home / name / "1.png")
    found = read(tmp_path)
    assert isinstance(found.split, Files)
    assert found.domains == ["photo", "sketch", "sketch"]
    assert found.split.targets.tolist() == [1, 0, 1]
    assert found.split.image_size == 8
    alone = read(tmp_path / "sketch")
    assert alone.domains is None
    assert alone.split.targets.tolist() == [0, 1]


def test_of_a_folder_with_a_test_split_that_is_taken(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "dog" / "1.png")
    picture(tmp_path / "test" / "dog" / "2.png")
    found = read(tmp_path)
    assert len(found.split) == 1
    assert "test is evaluated" in TOLD[0]


def test_a_class_that_the_student_does_not_know_is_refused_or_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "dogs" / "1.png")
    with pytest.raises(ValueError, match=r"class 'dogs' is none .* did you mean 'dog'"):
        read(tmp_path)
    found = read(tmp_path, known_only=True)
    assert found.split.targets.tolist() == [0]
    assert "1 samples without a label that is known" in TOLD[0]


def test_arrays_are_matched_by_name_and_resized(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    x = np.full((3, 4, 4), 9, np.uint8)
    np.savez(path, x_test=x, y_test=[0, 1, 1], classes=["dog", "cat"], domain=["u", "v", "u"])
    found = read(path)
    assert isinstance(found.split, Arrays)
    assert found.split.targets.tolist() == [1, 0, 0]
    assert found.domains == ["u", "v", "u"]
    assert tuple(found.split.inputs.shape) == (3, 3, 8, 8)  # type: ignore[union-attr]
    assert TOLD == ["pictures of 4x4 in grey are brought to the student's 8x8 in colour"]
    np.savez(path, x=x, y=[0, 1, 2])
    with pytest.raises(ValueError, match="class '2' is none"):
        read(path)


def test_arrays_of_several_domains_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    rows = np.zeros((2, 5), np.float32)
    np.savez(path, x_amazon=rows, y_amazon=[0, 1], x_dslr=rows, y_dslr=[1, 1])
    found = read(path, shape=(5,))
    assert found.domains == ["amazon", "amazon", "dslr", "dslr"]
    assert found.split.targets.tolist() == [0, 1, 1, 1]
    with pytest.raises(ValueError, match=r"shape \(6,\), and these have \(5,\)"):
        read(path, shape=(6,))


def test_values_are_no_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 5)), y=[0.5, 1.5], classes=["a"])
    with pytest.raises(ValueError, match="another's"):
        read(tmp_path / "a.npz", task=Regression(), shape=(5,))
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 5)), y=[0.5, 1.5])
    with pytest.raises(ValueError, match=r"y\[0\] is 0\.5"):
        read(tmp_path / "b.npz", shape=(5,))


def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(FileNotFoundError, match="did you mean 'photos'"):
        read(tmp_path / "photo")
    with pytest.raises(FileNotFoundError, match="dataset=mnist"):
        read(Path("mnist"))
    (tmp_path / "a.txt").write_text("cat")
    with pytest.raises(ValueError, match="says no labels"):
        read(tmp_path / "a.txt")


def test_both_domains_of_a_dataset_are_tested_on() -> None:
    def side(name: str, classes: list[str], source: Dataset | None = None) -> Dataset:
        split = Arrays(torch.zeros(2, 5), torch.tensor([0, 1]))
        return Dataset(split, None, split, classes, (5,), domain=name, source=source)

    data = side("b", ["dog", "cat"], side("a", ["cat", "dog"]))
    found = of_dataset(data, reads(shape=(5,)))
    assert found.domains == ["a", "a", "b", "b"]
    assert found.split.targets.tolist() == [0, 1, 1, 0]
