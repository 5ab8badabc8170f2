"""How knowledge moves from a source into a model before, or while, it learns the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.teacher.classes import ByName
from kdrun.types import Loader


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


class Strategy:
    """Turns a fresh student into one that knows what the source can teach.

    Attributes:
        epochs: for how many the student is then trained; None for as many as configured. A
            strategy that solves its problem in closed form says 0.
        paired: whether it trains on batches of both domains, `Batch.source`.
        supervised: whether labels of the target are read, where there are any.
        adaptation: terms over the outputs of both domains, or on the weights; None for none.
    """

    epochs: int | None = None
    paired: bool = False
    supervised: bool = True
    adaptation: Objective | None = None

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

    def begin_epoch(self, student: nn.Module, epoch: int) -> None:
        """Called before every epoch."""

    def finish(self, student: nn.Module) -> None:
        """Called once on the trained student, before it is evaluated."""


def shared_classes(source: Sequence[str], target: Sequence[str]) -> Tensor:
    """For each class of the source, the index of the same name in the target; -1 for none."""
    return torch.tensor([target.index(name) if name in target else -1 for name in source])
