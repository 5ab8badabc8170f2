"""How long a sweep will take: its first steps measured, and its jobs laid out in time.

What is measured once holds for all runs that differ only in seeds, rates and the like. A teacher is
counted once, where it is first wanted. All is tried in a process of its own, which may die, and
from which nothing is left. This module imports no torch before something is measured.
"""

from __future__ import annotations

import hashlib
import heapq
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omegaconf import DictConfig

from kdrun.config.schema import Rerun
from kdrun.run.done import ended
from kdrun.sweep.kinds import done, kind, wanted
from kdrun.teacher.run import teacher_run

if TYPE_CHECKING:
    from typing import Any

    from kdrun.sweep.trial import Pace

FEW, SHARE = 4.0, 0.05
"""Seconds, and part of what is expected of the sweep, after which no other kind of run is tried;
the rest is taken to be like those."""

LIMIT = 30.0
"""Seconds after which what could not be measured never will be."""

ASKED, ANSWER = "asked.pickle", "answer.pickle"
"""Files through which that process is spoken to."""

LOOKED_AT = 200
"""Jobs that are laid out one by one; the rest is taken to be like those."""


class Place(NamedTuple):
    """How jobs are executed.

    Attributes:
        at_once: how many processes there are.
        threads: of each; None for as many as torch takes.
        cores: that they share.
        fresh: whether each job is a process of its own, which has to start.
    """

    at_once: int
    threads: int | None
    cores: int
    fresh: bool


class Load(NamedTuple):
    """What is to be done by itself: a job, or a teacher that jobs want.

    Attributes:
        seconds: without the runs that it wants.
        wants: the folders of these, in the order in which it needs them.
    """

    seconds: float
    wants: tuple[Path, ...]


class Forecast(NamedTuple):
    """What is expected of a sweep.

    Attributes:
        whole: seconds from its beginning to its end; None where nothing could be measured.
        jobs: seconds of each job, with the teachers that it is the first to want.
        teachers: how many of these there are.
    """

    whole: float | None
    jobs: dict[Path, float]
    teachers: int


UNKNOWN = Forecast(None, {}, 0)


def measured(configs: Mapping[Path, DictConfig], place: Place) -> Forecast:
    """`forecast` in a process of its own: it may be killed, and leaves nothing behind.

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
    (folder / ANSWER).write_bytes(pickle.dumps(forecast(configs, place, start, folder)))


def forecast(
    configs: Mapping[Path, DictConfig], place: Place, start: float, folder: Path
) -> Forecast:
    """Measure the first steps of each kind of run, and add them up as the launcher will.

    Args:
        configs: of the jobs that are to run, resolved, by the folder of the run.
        place: how they are executed.
        start: seconds from the start of a process until its run is known.
        folder: for what the trials write.
    """
    some = dict(list(configs.items())[:LOOKED_AT])
    trials = Trials(folder, place.threads, len(configs))
    loads = {run_dir: trials.load(config, run_dir) for run_dir, config in some.items()}
    known = [load.seconds for load in loads.values() if load is not None]
    if not known:
        return UNKNOWN
    mean = sum(known) / len(known)
    jobs = {run_dir: load or Load(mean, ()) for run_dir, load in loads.items()}
    starts = start + trials.imports if place.fresh else 0.0
    once = min(place.at_once, len(configs))
    crowd = max(1.0, once * (place.threads or 1) / place.cores)
    whole, each = lay_out(jobs, trials.teachers, place.at_once, starts, crowd)
    more = len(configs) / len(some)
    rest = {run_dir: sum(each.values()) / len(each) for run_dir in configs if run_dir not in each}
    loaded = 0.0 if place.fresh else trials.imports
    return Forecast(whole * more + loaded, each | rest, len(trials.teachers))


def lay_out(
    jobs: Mapping[Path, Load],
    teachers: Mapping[Path, Load],
    at_once: int,
    starts: float = 0.0,
    crowd: float = 1.0,
) -> tuple[float, dict[Path, float]]:
    """When a number of processes, each of which takes the next job, will be through.

    A process that wants a teacher trains it, or waits for the one that is at it.

    Args:
        jobs: in their order.
        teachers: all that are not trained yet.
        at_once: how many processes.
        starts: seconds until a process is ready for its job.
        crowd: how much longer all takes, for there are more threads than cores.

    Returns:
        Seconds until the last is through, and those of each job.
    """
    free = [0.0] * max(1, min(at_once, len(jobs)))
    there: dict[Path, float] = {}

    def after(wants: Sequence[Path], now: float) -> float:
        for run_dir in wants:
            if run_dir not in there and run_dir in teachers:
                own = teachers[run_dir]
                there[run_dir] = after(own.wants, now) + crowd * own.seconds
            now = max(now, there.get(run_dir, now))
        return now

    each = {}
    for run_dir, load in jobs.items():
        begin = heapq.heappop(free)
        end = after(load.wants, begin + crowd * starts) + crowd * load.seconds
        each[run_dir] = end - begin
        heapq.heappush(free, end)
    return max(free), each


class Trials:
    """Tries each kind of run once.

    Args:
        folder: for what the trials write.
        threads: of a run; None for as many as torch takes.
        jobs: how many there are in all.

    Attributes:
        teachers: what is to be trained for the runs that were asked about.
        imports: seconds that it took to load what a run needs.
    """

    def __init__(self, folder: Path, threads: int | None, jobs: int) -> None:
        self.folder, self.threads, self.jobs = folder, threads, jobs
        self.teachers: dict[Path, Load] = {}
        self.paces: dict[str, Pace | None] = {}
        self.asked: dict[str, set[str]] = {}
        self.end: float | None = None
        self.expected: list[float] = []
        start = time.perf_counter()
        import kdrun.sweep.trial  # noqa: F401

        self.begun = time.perf_counter()
        self.imports = self.begun - start

    def load(self, config: DictConfig, run_dir: Path) -> Load | None:
        """What a run takes by itself, and which runs it wants; None where it cannot be told."""
        what = kind(config)
        if what not in self.paces:
            self.paces[what] = self._pace(config, what) if self._worth() else None
        pace = self.paces[what]
        if pace is None:
            return None
        epochs = config.train.epochs if pace.epochs is None else pace.epochs
        trained = max(0, epochs - done(run_dir)) * pace.epoch / config.train.devices
        wants = []
        for own, whose, folder in wanted(config):
            before = ended(folder, Rerun.failed, whose.digest)
            if kind(own) in self.asked[what] and not before:
                wants.append(folder)
                if folder not in self.teachers:
                    self.teachers[folder] = self.load(own, folder) or Load(0.0, ())
        seconds = pace.begin + trained + pace.students * (pace.test + (self.end or 0.0))
        self.expected.append(seconds)
        return Load(seconds, tuple(wants))

    def _worth(self) -> bool:
        """Whether another kind may be tried."""
        whole = self.jobs * sum(self.expected) / max(1, len(self.expected))
        return time.perf_counter() - self.begun < max(FEW, SHARE * whole)

    def _pace(self, config: DictConfig, what: str) -> Pace | None:
        from kdrun.sweep.trial import attempt, unheard

        asked = self.asked.setdefault(what, set())

        def network(role: Mapping[str, Any]) -> Path:
            own, whose, run_dir = teacher_run(config, role)
            asked.add(kind(own))
            before = ended(run_dir, Rerun.failed, whose.digest)
            return run_dir if before else self._stand_in(own)

        try:
            with unheard(self.threads):
                pace = attempt(config, self._place(what), network, self.end is None)
        except Exception:  # it comes again in the run, which tells it
            return None
        if pace.end is not None:
            self.end, more = pace.end
            self.imports += more
        return pace

    def _stand_in(self, own: DictConfig) -> Path:
        """A folder with weights like those of a run that is still to be done."""
        what = kind(own)
        if what not in self.paces:
            self.paces[what] = self._pace(own, what)
        return self._place(what)

    def _place(self, what: str) -> Path:
        folder = self.folder / hashlib.sha256(what.encode()).hexdigest()[:16]
        folder.mkdir(exist_ok=True)
        return folder
