"""Stage 3: a training on its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.files.checkpoint import load_state
from kdrun.run.course import Course, course_of
from kdrun.run.start import begin
from tests.run.composed import parts


def course(run_dir: Path, *words: str) -> Course:
    made = parts(run_dir, *words)
    return course_of(made, begin(made), threads=3)


def test_each_epoch_is_saved_before_anybody_is_told(tmp_path: Path) -> None:
    made, seen = course(tmp_path), []

    def watch(row: dict[str, Any]) -> None:
        state = load_state(tmp_path / "checkpoint.pt")
        seen.append((row["epoch"], state["epoch"], state["threads"], state["precision"]))

    made.train(watch)
    assert seen == [(1, 1, 3, "fp32"), (2, 2, 3, "fp32")]
    assert {"val_accuracy", "val_nll"} <= made.training.history[-1].keys()


def test_who_begins_where_another_ended_has_its_weights(tmp_path: Path) -> None:
    whole, again = course(tmp_path), course(tmp_path)
    whole.train()
    again.train()  # nothing is left to do
    ours, theirs = whole.training.student.state_dict(), again.training.student.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert len(again.training.history) == 2


class StoppedError(Exception):
    """Somebody pulled the plug."""


def test_a_detector_that_was_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    words = (
        *("dataset=shapes", "dataset.task=detection", "dataset.image_size=32"),
        *("dataset.samples=20", "dataset.test_samples=4", "dataset.train_size=16"),
        *("dataset.augment.flip=true", "dataset.augment.scale=0.2", "train.batch_size=8"),
        *("student=fcos", "student.model.encoder=mobilenetv3_small_050"),
        *("student.model.width=32", "student.model.convs=1"),
    )

    def stop(row: dict[str, Any]) -> None:
        raise StoppedError

    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    whole, first = course(tmp_path / "whole", *words), course(tmp_path / "parts", *words)
    whole.train()
    with pytest.raises(StoppedError):
        first.train(stop)
    second = course(tmp_path / "parts", *words)
    second.train()
    ours, theirs = whole.training.student.state_dict(), second.training.student.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert [row["epoch"] for row in second.training.history] == [1, 2]
    assert {"val_map", "val_map50"} <= second.training.history[-1].keys()
