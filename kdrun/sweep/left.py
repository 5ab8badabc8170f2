"""How long a running sweep will still take. Imports no torch."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kdrun.terminal.duration import span

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two looks whether the first runs have told how long they take."""


class Left:
    """What was expected of a sweep, put right by what its first jobs took.

    Args:
        expected: seconds of each job, in their order; or None where that is found out while the
            first jobs run.
        at_once: how many are executed at once.
    """

    def __init__(self, expected: Mapping[Path, float] | None, at_once: int = 1) -> None:
        self.at_once, self.begun = at_once, time.monotonic()
        self.waiting, self.whole, self.over = dict[Path, float](), 0.0, threading.Event()
        self.ended: set[Path] = set()
        if expected is not None:
            self.whole, self.waiting = sum(expected.values()), dict(expected)

    def expect(self, expected: Mapping[Path, float]) -> None:
        """What is expected, of all jobs, those that ended before it was known included."""
        self.whole = sum(expected.values())
        self.waiting = {job: took for job, took in expected.items() if job not in self.ended}
        over = self.whole - sum(self.waiting.values())
        # Nobody knows how far the next is, and teachers before it are no measure of the others.
        into = min(time.monotonic() - self.begun, next(iter(self.waiting.values()), 0.0))
        self.begun = time.monotonic() - over / self.at_once - into

    def look_out(self, ask: Callable[[], Mapping[Path, float] | None]) -> threading.Thread:
        """Ask beside the jobs what they will take until it is known, and say it.

        Args:
            ask: for the seconds of each job; None where it cannot be told yet.

        Returns:
            The thread that does so.
        """

        def look() -> None:
            while not self.over.wait(PAUSE):
                if expected := ask():
                    self.expect(expected)
                    if len(self.waiting) > 1:
                        rest = sum(self.waiting.values()) / self.at_once
                        log.info("about %s left for %d runs", span(rest), len(self.waiting))
                    return

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        return thread

    def end(self) -> None:
        """The sweep is over, however it ended."""
        self.over.set()

    def after(self, run_dir: Path) -> str:
        """What to say when a job has ended: `, about 12 min left`, or nothing after the last."""
        self.ended.add(run_dir)
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
