"""The first steps of runs of which nothing is known are tried, to tell how long a sweep will take.

That is done in a process of its own, which may die, and from which nothing is left. It costs some
seconds, so it is only done where a sweep takes many times as long. This module imports no torch
before something is tried.
"""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from kdrun.config.schema import Rerun
from kdrun.run import pace as paces
from kdrun.run.done import ended
from kdrun.run.pace import Pace, brief
from kdrun.sweep.forecast import UNKNOWN, Forecast, Known, Place, forecast
from kdrun.sweep.kinds import kind
from kdrun.teacher.run import teacher_run

if TYPE_CHECKING:
    from kdrun.sweep.trial import Tried

FEW, SHARE = 4.0, 0.05
"""Seconds, and part of what is expected of the sweep, after which no other kind of run is tried;
the rest is taken to be like those."""

LIMIT = 30.0
"""Seconds after which what could not be measured never will be."""

JOB, START, EPOCH = 0.5, 4.0, 0.05
"""Seconds that a job, the start of a process, and an epoch take at the very least."""

WORTH = 60.0
"""Seconds that a sweep must take at the very least for a trial to be a small part of it."""

ASKED, ANSWER = "asked.pickle", "answer.pickle"
"""Files through which that process is spoken to."""


def is_long(configs: Mapping[Path, DictConfig], place: Place) -> bool:
    """Whether a sweep is known to take long without a look at its data and networks."""
    epochs: int = sum(config.train.epochs for config in configs.values())
    each = JOB + START * place.fresh
    return bool((each * len(configs) + EPOCH * epochs) / place.at_once > WORTH)


def known(configs: Mapping[Path, DictConfig], place: Place) -> Forecast:
    """What earlier runs tell of a sweep: nothing, where there were none of one of its kinds.

    Args:
        configs: of the jobs that are to run, resolved, by the folder of the run.
        place: how they are executed.
    """
    table = Known(place)
    try:
        found = forecast(configs, table, time.process_time())
    except Exception:  # it comes again in the run, which tells it
        return UNKNOWN
    return UNKNOWN if None in table.paces.values() else found


def seen(configs: Mapping[Path, DictConfig], place: Place) -> Mapping[Path, float] | None:
    """What the first run tells of all by now; None if it has not come so far.

    Args:
        configs: of the jobs that are to run, resolved, by the folder of the run.
        place: how they are executed.
    """
    config = next(iter(configs.values()))
    try:
        if not paces.place(kind(config), place.threads, config.train.device).exists():
            return None
        return forecast(configs, Known(place), 0.0).jobs
    except Exception:  # asked beside a run that may just be failing, and tells why
        return None


def measured(configs: Mapping[Path, DictConfig], place: Place) -> Forecast:
    """What a sweep takes, where what is not known of it is tried.

    Args:
        configs: of the jobs that are to run, resolved, by the folder of the run.
        place: how they are executed.
    """
    if not configs:
        return UNKNOWN
    start = time.process_time()  # what this process took to come here, each job's takes as well
    with tempfile.TemporaryDirectory(prefix="kdrun-trial-", ignore_cleanup_errors=True) as folder:
        asked = (sys.path, dict(configs), place, start)
        Path(folder, ASKED).write_bytes(pickle.dumps(asked))
        words = [sys.executable, "-c", f"from {__name__} import answer; answer()", folder]
        try:
            subprocess.run(words, timeout=LIMIT, capture_output=True, check=True)
            found: Forecast = pickle.loads(Path(folder, ANSWER).read_bytes())
        except (subprocess.SubprocessError, OSError):
            return UNKNOWN
    return found


def answer() -> None:
    """What that process does."""
    folder = Path(sys.argv[1])
    path, configs, place, start = pickle.loads((folder / ASKED).read_bytes())
    sys.path[:] = path
    found = forecast(configs, Trials(place, folder, len(configs)), start)
    (folder / ANSWER).write_bytes(pickle.dumps(found))


class Trials(Known):
    """Tries each kind of run of which nothing is known, once, and remembers what came of it.

    Args:
        place: how the jobs are executed.
        folder: for what the trials write.
        jobs: how many there are in all.
    """

    def __init__(self, place: Place, folder: Path, jobs: int) -> None:
        super().__init__(place)
        self.folder, self.jobs = folder, jobs
        self.end: float | None = None
        self.expected: list[float] = []
        start = time.perf_counter()
        import kdrun.sweep.trial  # noqa: F401

        self.begun = time.perf_counter()
        self.imports = self.begun - start

    def pace(self, config: DictConfig, what: str) -> Pace | None:
        """How long a kind of run takes, as earlier ones or a trial tell."""
        found = super().pace(config, what) or (self._try(config, what) if self._worth() else None)
        if found is not None:
            self.expected.append(found.begin + config.train.epochs * found.epoch + found.end)
        return found

    def _worth(self) -> bool:
        """Whether another kind may be tried."""
        whole = self.jobs * sum(self.expected) / max(1, len(self.expected))
        return time.perf_counter() - self.begun < max(FEW, SHARE * whole)

    def _try(self, config: DictConfig, what: str) -> Pace | None:
        from kdrun.sweep.trial import attempt, unheard

        wants: set[str] = set()

        def network(role: Mapping[str, Any]) -> Path:
            own, whose, run_dir = teacher_run(config, role)
            wants.add(brief(kind(own)))
            before = ended(run_dir, Rerun.failed, whose.digest)
            return run_dir if before else self._stand_in(own)

        try:
            with unheard(self.place.threads):
                tried = attempt(config, self._folder(what), network, self.end is None)
        except Exception:  # it comes again in the run, which tells it
            return None
        pace = self._whole(tried)._replace(wants=tuple(sorted(wants)), imports=self.imports)
        where = paces.place(what, self.place.threads, config.train.device)
        paces.remember(where, pace, first=self.place.fresh)
        return pace

    def _whole(self, tried: Tried) -> Pace:
        """The pace of a run with all that is done in its end."""
        if tried.end is not None:
            self.end, more = tried.end
            self.imports += more
        return tried.pace._replace(end=tried.pace.end + (self.end or 0.0))

    def _stand_in(self, own: DictConfig) -> Path:
        """A folder with weights like those of a run that is still to be done."""
        what = kind(own)
        if not any(self._folder(what).iterdir()):
            self.paces[what] = self._try(own, what)
        return self._folder(what)

    def _folder(self, what: str) -> Path:
        folder = self.folder / hashlib.sha256(what.encode()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        return folder
