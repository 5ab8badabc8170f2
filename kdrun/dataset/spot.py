"""Where a batch comes from: so little that a step which makes it by itself needs no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeGuard

from torch import Tensor

from kdrun.dataset.random import Keys
from kdrun.types import Batch, Loader


class Spot(NamedTuple):
    """Positions in a split, in one epoch.

    Attributes:
        index: (N,) int64, as in `Batch`.
        epoch: its number, or the keys that stand for it.
        source: beside those of the target domain, some of the source; None without.
    """

    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    epoch: int | Keys
    source: Spot | None = None


class Placed(Protocol):
    """A loader that can make a batch anywhere, and of whose batches each of a size is alike."""

    targets: Tensor

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        ...

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        ...

    @property
    def placed(self) -> bool:
        """Whether it can: samples in memory, none of them longer than others."""
        ...

    def spots(self, epoch: int) -> Iterator[Spot]:
        """Where the batches of one epoch come from."""
        ...

    def at(self, spot: Spot) -> Batch:
        """The batch of a spot, made without waiting for the device."""
        ...


def is_placed(loader: Loader) -> TypeGuard[Placed]:
    """Whether a loader can make a batch anywhere."""
    return bool(getattr(loader, "placed", False))


class Views(Protocol):
    """A loader of which several epochs may show the samples alike."""

    targets: Tensor

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        ...

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        ...

    def view(self, epoch: int) -> int:
        """Which view of the samples an epoch shows."""
        ...

    @property
    def complete(self) -> bool:
        """Whether each epoch shows every sample, once."""
        ...


def has_views(loader: Loader) -> TypeGuard[Views]:
    """Whether a loader says which view an epoch shows."""
    return hasattr(loader, "view")
