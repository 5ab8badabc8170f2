"""How knowledge moves from a source into a model before, or while, it learns the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from kdrun.model.features import Network
from kdrun.types import Dataset, Loader, Split


class Source(NamedTuple):
    """What there is to transfer from.

    Attributes:
        loader: the labelled training batches of the source domain, in order and as they are.
        to_target: (C,) for each class of the source, the class of the same name in the target; -1
            where there is none.
    """

    loader: Loader
    to_target: Tensor


class Strategy(Protocol):
    """Turns a fresh student into one that knows what the source can teach.

    Attributes:
        epochs: for how many the student is then trained; None for as many as configured. A
            strategy that solves its problem in closed form says 0.
    """

    epochs: int | None

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The student after the transfer.

        Args:
            student: as it was built; may be changed.
            source: what there is to transfer from; None where the data have one domain.
            loader: training batches of the target, in order and as they are. A hidden label is -1,
                and a strategy that is unsupervised reads none at all.

        Raises:
            ValueError: the strategy is not defined for these data, or for this student.
        """
        ...


def shared_classes(source: Sequence[str], target: Sequence[str]) -> Tensor:
    """`Source.to_target` from the names of the classes."""
    return torch.tensor([target.index(name) if name in target else -1 for name in source])


def transferred(
    strategy: Strategy, student: Network, data: Dataset, load: Callable[[Split], Loader]
) -> Network:
    """What a strategy makes of a student.

    Args:
        strategy: as in `Strategy`.
        student: as it was built.
        data: of the target, with the source's beside them if there is one.
        load: makes batches of a split, in order and as they are.
    """
    source = None
    if data.source is not None:
        classes = shared_classes(data.source.classes, data.classes)
        source = Source(load(data.source.train), classes)
    return strategy(student, source, load(data.train))
