"""How knowledge moves from a source into a model before, or while, it learns the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kdrun.model.features import Network, Student
from kdrun.objective import Objective
from kdrun.results.table import Row
from kdrun.task import Task
from kdrun.task.classification import Classification
from kdrun.teacher.classes import ByName
from kdrun.types import Loader

Measure = Callable[[Student], Row]
"""What may be known of a student before it is tested: columns of metrics.csv from the validation
split, None without one, and `source_accuracy` from that of the source, if there is one.
"""


@dataclass(frozen=True)
class Source:
    """What there is to transfer from.

    Attributes:
        loader: the labelled training batches of the source domain, in order and as they are.
        classes: the names of its classes.
        wanted: those of the target.
        model: the student's architecture trained on the source; trained now if nobody has yet.
    """

    loader: Loader
    classes: Sequence[str]
    wanted: Sequence[str]
    model: Callable[[], Network]

    @property
    def to_target(self) -> Tensor:
        """(C,) for each class of the source, that of the same name in the target; -1 for none."""
        return shared_classes(self.classes, self.wanted)


BatchNorm = Literal["separate", "joint"]
"""Whose statistics a sample is normalised by in training: its domain's, or those of both."""


class Strategy:
    """Turns a fresh student into one that knows what the source can teach.

    Attributes:
        epochs: for how many the student is then trained; None for as many as configured. A
            strategy that solves its problem in closed form says 0.
        paired: whether it trains on batches of both domains, `Batch.source`.
        batch_norm: how both domains of such a batch go through batch norm.
        supervised: whether labels of the target are read, where there are any.
        adaptation: terms over the outputs of both domains, or on the weights; None for none.
        task: what is predicted, set by the run.
        report: what it has to say of itself in record.json, under `transfer`.
    """

    epochs: int | None = None
    paired: bool = False
    batch_norm: BatchNorm = "separate"
    supervised: bool = True
    adaptation: Objective | None = None
    task: Task | None = None
    report: Mapping[str, Any] = MappingProxyType({})

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The student with which the training on the target begins.

        Args:
            student: as it was built; may be changed.
            source: what there is to transfer from; None where the data have one domain.
            loader: training batches of the target, in order and as they are. A hidden label is -1,
                and a strategy that is unsupervised reads none at all.

        Raises:
            ValueError: the strategy is not defined for these data, or for this student.
        """
        raise NotImplementedError

    def check(self, student: Network) -> None:
        """Refuse what cannot be done, before anything is trained.

        Args:
            student: as it was built; not changed.

        Raises:
            ValueError: it is not defined for this student.
        """

    def untouched(self, student: Network, source: Source, loader: Loader) -> nn.Module | None:
        """The source's own model on the target, which every gain is measured from.

        Args:
            student: as it was built; not changed.
            source: as in a call.
            loader: likewise.

        Returns:
            From `Batch` to `Outputs`; None where it knows no class of the target.
        """
        if not bool((source.to_target >= 0).any()):
            return None
        model = source.model()
        if list(source.classes) == list(source.wanted):
            return model
        return ByName(model, source.classes, source.wanted)

    def groups(self, student: Network, lr: float) -> list[dict[str, Any]]:
        """Parameter groups of the optimizer for the student's weights."""
        return [{"params": [p for p in student.parameters() if p.requires_grad]}]

    def begin_epoch(self, student: Student, epoch: int) -> None:
        """Called before every epoch."""

    def finish(self, student: Student, measure: Measure) -> list[Row]:
        """Called once on the trained student, before it is evaluated.

        Returns:
            The rows of a table of the strategy's own, NAME.csv; empty for none.
        """
        return []


def shared_classes(source: Sequence[str], target: Sequence[str]) -> Tensor:
    """For each class of the source, the index of the same name in the target; -1 for none."""
    return torch.tensor([target.index(name) if name in target else -1 for name in source])


def better(rows: Sequence[Row], task: Task | None = None) -> int | None:
    """The position of the best of some measured rows; None where nothing was measured.

    That is the one of the best criterion on the validation split, the accuracy of a classifier, and
    of those the one that is best in what else was watched, such as the negative log-likelihood.
    """
    task = task or Classification()
    if all(task.score(row) is None for row in rows):
        return None
    return max(range(len(rows)), key=lambda position: task.rank(rows[position]))
