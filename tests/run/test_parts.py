"""Stage 1: what the config names, built once."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.run.composed import nobody, parts


def test_they_are_made_once_and_stay(tmp_path: Path) -> None:
    made = parts(tmp_path)
    assert (made.teacher, made.strategy, made.source, made.untouched) == (None, None, None, None)
    assert made.data is made.load.data
    assert made.roles.student["name"] == "linear"
    with pytest.raises(FrozenInstanceError):
        made.student = torch.nn.Identity()  # type: ignore[misc]


def test_a_student_is_the_same_beside_any_teacher(tmp_path: Path) -> None:
    alone = parts(tmp_path)
    beside = parts(tmp_path, "method=distill", "teacher=random_forest")
    assert beside.teacher is not None
    ours, theirs = alone.student.state_dict(), beside.student.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_what_is_wrong_with_the_student_is_told_before_a_teacher_is_trained(
    tmp_path: Path,
) -> None:
    words = ("method=distill", "teacher=mlp", "+student.model.wrong=1")
    with pytest.raises(ValueError, match="wrong"):
        parts(tmp_path, *words, train=nobody)


def test_labels_alone_need_labels(tmp_path: Path) -> None:
    words = ("dataset=digits_shifted", "~dataset.train_size", "dataset.labels=none")
    with pytest.raises(ValueError, match="no training sample has one"):
        parts(tmp_path, *words)
    parts(tmp_path, *words, "train.epochs=0")  # a network as it is born, or as it was fetched


def test_the_terms_of_the_loss_are_those_with_a_weight(tmp_path: Path) -> None:
    def weights(*words: str) -> dict[str, Any]:
        return dict(parts(tmp_path, *words).objective().weights)

    assert list(weights()) == ["ce"]  # a method that reads no loss has that of the labels
    words = ("method=distill", "teacher=random_forest", "loss=kd", "loss.weights.ce=0.5")
    assert list(weights(*words)) == ["ce", "kd"]
