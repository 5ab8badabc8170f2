"""A teacher that knows nothing is told of, by the samples that it was asked about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kdrun.dataset.loader import make_loader
from kdrun.teacher.base import Teacher
from kdrun.teacher.doubt import SAMPLES, judge
from kdrun.teacher.network import Frozen
from kdrun.types import Arrays, Batch, Dataset, Loader, Outputs, Split


class Says(Teacher):
    """Answers with a function of the input, and counts what it was asked about."""

    def __init__(self, answer: Callable[[Tensor], Tensor], live: bool = True) -> None:
        super().__init__()
        self.answer, self.alive = answer, live
        self.register_buffer("asked", torch.zeros(()))

    @property
    def live(self) -> bool:
        return self.alive

    def forward(self, batch: Batch) -> Outputs:
        self.asked += len(batch.index)
        self.most = int(self.asked)
        return Outputs(self.answer(batch.input[:, 0]))


def rightly(x: Tensor) -> Tensor:
    return torch.eye(3)[x.long()]


def always(label: int) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.eye(3)[torch.full((len(x),), label)]


def split(targets: list[float]) -> Arrays:
    labels = torch.tensor(targets)
    known = labels.long() if labels.eq(labels.round()).all() else labels
    return Arrays(labels.float()[:, None], known)


def load(part: Split) -> Loader:
    return make_loader(part, 64, seed=0, train=False)


def data(train: Arrays, classes: list[str]) -> Dataset:
    return Dataset(train, None, train, classes, (1,))


ABC = data(split([0, 1, 2, 0, 0]), ["a", "b", "c"])
VAL = load(split([0, 0, 1, 2]))


def test_who_is_right_more_often_than_the_commonest_class_is_not_doubted() -> None:
    judged = judge("t", Frozen(Says(rightly)), ABC, VAL, load, foreign=False)
    assert judged.columns == {"teacher_val_accuracy": 1.0, "val_majority_accuracy": 0.5}
    assert judged.doubt == ""


@pytest.mark.parametrize(
    ("foreign", "end"), [(False, "train it longer, or take another"), (True, "or raw)")]
)
def test_who_always_says_the_same_is_told_of_with_what_to_do(foreign: bool, end: str) -> None:
    judged = judge("big", Frozen(Says(always(0))), ABC, VAL, load, foreign=foreign)
    begin = "teacher big is right in 50.0% of 4 validation samples, and always saying 'a' in 50.0%"
    assert judged.doubt.startswith(begin)
    assert judged.doubt.endswith(end)


def test_without_a_validation_split_training_samples_with_a_label_are_asked() -> None:
    many = data(split([-1, 0, 1, 2, 0] * 600), ["a", "b", "c"])
    own = Says(always(1))
    judged = judge("t", Frozen(own), many, None, load, foreign=False)
    assert "800 training samples" in judged.doubt
    assert own.most == 800 <= SAMPLES
    assert own.asked == 0  # it is left as it was


def test_one_without_answers_there_is_not_judged() -> None:
    recorded = Frozen(Says(always(1), live=False))
    assert judge("t", recorded, ABC, None, load, foreign=False) == ({}, "")
    hidden = data(split([-1, -1]), ["a", "b", "c"])
    assert judge("t", Frozen(Says(always(1))), hidden, None, load, foreign=False) == ({}, "")


def test_values_are_held_against_their_mean() -> None:
    values = data(split([0.5, 1.0, 2.25, 3.0]), [])
    near, mean = (lambda x: x[:, None] * 0.9), (lambda x: torch.full((len(x), 1), 1.6875))
    good, bad = (
        judge("t", Frozen(Says(answer)), values, load(values.train), load, foreign=True)
        for answer in (near, mean)
    )
    assert good.doubt == ""
    assert good.columns["teacher_val_r2"] > 0.9
    assert bad.doubt.startswith("teacher t has R² 0 on validation samples")
    assert "teacher.unit" in bad.doubt
