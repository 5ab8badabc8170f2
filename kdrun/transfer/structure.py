"""Structure transfer: the architecture of the source, and nothing of what it learnt."""

from __future__ import annotations

from kdrun.model.features import Network
from kdrun.transfer import Source, Strategy
from kdrun.types import Loader


class Structure(Strategy):
    """Train the source's architecture on the target from fresh weights: the control of a transfer.

    What a transfer of parameters is worth is its distance from this, in the same number of steps.
    """

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The student as it was built."""
        return student
