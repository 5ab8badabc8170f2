"""Batches of two domains side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from kdrun.dataset.spot import Placed, Spot, is_placed
from kdrun.types import Batch, Loader


class Paired:
    """The batches of the target, each with one of the source beside it.

    An epoch is one of the target. A source that is larger shows another part of itself in each; a
    smaller one begins anew, in another order.

    Args:
        target: training batches of the target.
        source: training batches of the source.
    """

    def __init__(self, target: Loader, source: Loader) -> None:
        self.target, self.source = target, source
        self.targets = target.targets

    def __len__(self) -> int:
        return len(self.target)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The pairs of one epoch: a function of its number, as the two loaders are."""
        for own, beside in zip(self.target.epoch(epoch), self._beside(epoch), strict=False):
            yield own._replace(source=beside)

    @property
    def placed(self) -> bool:
        """Whether `at` makes any pair: see `kdrun.dataset.spot.Placed`."""
        return is_placed(self.target) and is_placed(self.source)

    def spots(self, epoch: int) -> Iterator[Spot]:
        """Where the pairs of one epoch come from."""
        target, source = cast("Placed", self.target), cast("Placed", self.source)
        beside = (spot for turn in self._turns(epoch) for spot in source.spots(turn))
        for own, other in zip(target.spots(epoch), beside, strict=False):
            yield own._replace(source=other)

    def at(self, spot: Spot) -> Batch:
        """The pair of a spot."""
        assert spot.source is not None
        target, source = cast("Placed", self.target), cast("Placed", self.source)
        return target.at(spot)._replace(source=source.at(spot.source))

    def _beside(self, epoch: int) -> Iterator[Batch]:
        for turn in self._turns(epoch):
            yield from self.source.epoch(turn)

    def _turns(self, epoch: int) -> range:
        """The epochs of the source that stand beside one of the target."""
        rounds = -(-len(self.target) // len(self.source))
        return range(epoch * rounds, (epoch + 1) * rounds)
