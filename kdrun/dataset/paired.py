"""Batches of two domains side by side."""

from __future__ import annotations

from collections.abc import Iterator

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

    def _beside(self, epoch: int) -> Iterator[Batch]:
        rounds = -(-len(self.target) // len(self.source))
        for turn in range(rounds):
            yield from self.source.epoch(epoch * rounds + turn)
