"""Trackers of others, told how a run goes: `logger=`. The files of the run are the truth.

A tracker can be slow, full, or away, and none of that is a reason to lose a run: what it raises is
one warning. It is told again what it missed when the run ends.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from kdrun.config.called import Called
from kdrun.results.record import Record, read_metrics
from kdrun.results.table import Row

Watch = Callable[[dict[str, Any]], None]

log = logging.getLogger(__name__)


class Logger(Protocol):
    """A tracker, as `logger.NAME._target_` makes it; it imports its library when it begins."""

    library: ClassVar[str]
    """What it imports; `pip install 'kdrun[NAME]'` brings it."""

    def begin(self, record: Record, anew: bool) -> int:
        """Open the tracker's run for this one, or go on with it.

        Args:
            record: of a run that has begun.
            anew: whether the run starts over, though it may have ended before.

        Returns:
            The last epoch that the tracker already has, 0 for none.
        """
        ...

    def epoch(self, row: Row) -> None:
        """Take a row of metrics.csv."""
        ...

    def end(self, record: Record) -> None:
        """Take the final metrics and the status, and close. `running` is a run cut off."""
        ...


class Tracking:
    """The trackers of one run.

    Args:
        parts: what makes them, by name.
        run_dir: the folder of the run.
        experiment: its `name`.
    """

    def __init__(self, parts: Mapping[str, Called], run_dir: Path, experiment: str) -> None:
        self.run_dir = run_dir
        self.seen: dict[str, int] = {}
        self.failed: set[str] = set()
        self.loggers: dict[str, Logger] = {}
        for name, part in parts.items():
            logger = self._try(name, partial(part, run_dir=run_dir, experiment=experiment))
            if logger is not None:
                self.loggers[name] = logger

    def begin(self, record: Record, anew: bool) -> None:
        """Tell that the run begins, or goes on."""
        for name, logger in self.loggers.items():
            last = self._try(name, partial(logger.begin, record, anew))
            if last is not None:
                self.seen[name] = last

    def before(self, watch: Watch | None) -> Watch | None:
        """Another's `watch` of the run, with these told first: it may end the run."""
        if not self.seen:
            return watch

        def told(row: dict[str, Any]) -> None:
            self.epoch()
            if watch is not None:
                watch(row)

        return told

    def epoch(self) -> None:
        """Tell that an epoch is over and metrics.csv is written."""
        for name in self.seen:
            if name not in self.failed:
                self._try(name, partial(self._tell, name))

    def end(self, record: Record) -> None:
        """Tell how it ended, and whatever a tracker has missed."""
        for name in self.seen:
            self._try(name, partial(self._close, name, record))

    def _tell(self, name: str) -> None:
        for row in read_metrics(self.run_dir):
            epoch = int(str(row["epoch"]))
            if epoch > self.seen[name]:
                self.loggers[name].epoch(row)
                self.seen[name] = epoch

    def _close(self, name: str, record: Record) -> None:
        self._tell(name)
        self.loggers[name].end(record)

    def _try(self, name: str, what: Callable[[], Any]) -> Any:
        """Do it; the first exception of each tracker is a warning, the others are silent."""
        try:
            return what()
        except Exception as error:
            if name not in self.failed:
                reason = str(error).strip().splitlines()[:1]
                told = ": ".join([type(error).__name__, *reason])
                log.warning("logger=%s: %s; the run goes on without it", name, told)
            self.failed.add(name)
            return None


def not_installed(parts: Mapping[str, Called]) -> Iterator[str]:
    """Trackers whose library is not installed, and what brings it.

    Args:
        parts: what makes them, by name; each `_target_` exists.
    """
    for name, part in parts.items():
        library = getattr(part.target, "library", None)
        if library is not None and importlib.util.find_spec(library) is None:
            yield f"logger={name}: {library} is not installed: pip install 'kdrun[{name}]'"
