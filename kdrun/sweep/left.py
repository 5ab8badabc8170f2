"""How long a running sweep will still take. Imports no torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from kdrun.terminal.duration import span


class Left:
    """What was expected of a sweep, put right by what its first jobs took.

    Args:
        expected: seconds of each job, in their order.
        at_once: how many are executed at once.
    """

    def __init__(self, expected: Mapping[Path, float], at_once: int = 1) -> None:
        self.waiting, self.at_once = dict(expected), at_once
        self.whole, self.begun = sum(expected.values()), time.monotonic()

    def after(self, run_dir: Path) -> str:
        """What to say when a job has ended: `, about 12 min left`, or nothing after the last."""
        self.waiting.pop(run_dir, None)
        seconds = self.seconds(time.monotonic() - self.begun)
        return "" if seconds is None else f", about {span(seconds)} left"

    def seconds(self, elapsed: float) -> float | None:
        """Seconds that are left; None where nothing is, or nothing can be told.

        Args:
            elapsed: since the sweep began.
        """
        rest = list(self.waiting.values())
        # Of those that the other processes are at, half is over on the average.
        left = sum(rest) - sum(rest[: self.at_once - 1]) / 2
        done = self.whole - left
        return elapsed / done * left if rest and done > 0 else None
