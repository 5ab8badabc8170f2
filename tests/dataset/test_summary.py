"""What a run says of its data before it trains."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

from kdrun.dataset.summary import paragraph, summarise, tell
from kdrun.types import Arrays, Dataset


def data(
    train: list[int], test: list[int], val: list[int] | None = None, **more: object
) -> Dataset:
    def part(labels: list[int]) -> Arrays:
        return Arrays(torch.zeros(len(labels), 2), torch.tensor(labels))

    given = {"classes": ["cat", "dog", "owl"], **more}
    return Dataset(part(train), part(val) if val else None, part(test), shape=(2,), **given)


GOOD = [0, 1, 2] * 40


def test_samples_are_counted_by_split_and_class_and_notes_are_passed_on() -> None:
    found = summarise(data([0, 0, 1, 2, -1], GOOD, notes=("3 files were left out",)))
    assert found["train"] == {
        "samples": 5,
        "unlabelled": 1,
        "classes": {"cat": 2, "dog": 1, "owl": 1},
    }
    assert "val" not in found
    assert paragraph(found) == (
        "data: 5 to train on, 120 to test on, none for validation; 3 classes, 4 training samples "
        "with a label, to train on cat 2, dog 1, owl 1. 3 files were left out."
    )
    assert json.loads(json.dumps(found)) == found


def test_values_have_no_classes() -> None:
    values = data([0], GOOD, classes=[])
    assert summarise(values)["train"] == {"samples": 1}
    assert "classes" not in paragraph(summarise(values))


def test_both_domains_are_told_and_a_shared_note_once() -> None:
    source = data(GOOD, GOOD, GOOD, domain="books", notes=("both",))
    told = paragraph(summarise(data([-1] * 6, GOOD, domain="dvd", source=source, notes=("both",))))
    assert told.startswith("data dvd: 6 to train on")
    assert "source books: 120 to train on" in told
    assert told.count("both.") == 1


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        (
            data(GOOD, [0, 1] * 60),
            "1 of 3 classes have no labelled sample in the test split: 'owl'",
        ),
        (data([0, 1] * 9, GOOD), "in the training split: 'owl'"),
        (
            data([0, 1] * 60, [0, 1] * 60, [0, 1] * 9),
            "1 of 3 classes have no labelled sample in the training, validation and test splits",
        ),
        (data(GOOD, GOOD, [0]), "2 of 3 classes have no labelled sample in the validation split"),
        (data([0, 0, 1, 1, 2], GOOD), "one training sample is all there is of 'owl'"),
        (data([0] * 30 + [1] * 3 + [2] * 9, GOOD), "30 training samples are cat, 3 are dog"),
        (data(GOOD, GOOD[:60]), "the test split has 60 samples: each is 1.7 % of the score"),
    ],
)
def test_one_warning_for_each_weakness(given: Dataset, warning: str) -> None:
    (told,) = summarise(given)["warnings"]
    assert warning in told


def test_sound_data_and_hidden_labels_are_no_reason_to_warn() -> None:
    assert summarise(data(GOOD, GOOD, GOOD))["warnings"] == []
    assert summarise(data([-1] * 50, GOOD))["warnings"] == []


def test_the_paragraph_fits_the_terminal(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with caplog.at_level(logging.INFO):
        tell(summarise(data(GOOD, [0, 1], notes=("one more thing " * 9,))))
    lines = [line for record in caplog.records for line in record.getMessage().splitlines()]
    assert max(map(len, lines)) <= 60
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING"]


def test_a_run_tells_it_once_and_keeps_it(kdrun) -> None:
    words = ("teacher=linear", "student=linear", "train.epochs=1", "train.progress=false")
    told = kdrun(*words)
    assert told.status == 0, told.err
    assert (told.out + told.err).count("1,294 to train on") == 1
    for place in ("outputs/default", "outputs/cache/teacher"):
        (path,) = Path(place).glob("*/record.json")
        kept = json.loads(path.read_text())["data"]
        assert (kept["train"]["samples"], kept["val"]["samples"]) == (1294, 144)
