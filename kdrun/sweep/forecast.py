"""How long a sweep will take: its jobs laid out in time.

What is known of one run holds for all that differ only in seeds, rates and the like. A teacher is
counted once, where it is first wanted. Runs that ended before tell how long each kind takes
(`kdrun.run.pace`); `kdrun.sweep.measure` tries the others. Imports no torch.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from kdrun.config.schema import Rerun
from kdrun.run import pace as paces
from kdrun.run.done import ended
from kdrun.run.pace import Pace, brief, recall
from kdrun.sweep.kinds import done, kind, wanted

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


class Known:
    """What is known of the kinds of runs of a sweep.

    Args:
        place: how its jobs are executed.

    Attributes:
        teachers: what is to be trained for the runs that were asked about.
        paces: by kind; None of those of which nothing is known.
        imports: seconds that it takes to load what a run needs.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.teachers: dict[Path, Load] = {}
        self.paces: dict[str, Pace | None] = {}
        self.imports = 0.0

    def load(self, config: DictConfig, run_dir: Path) -> Load | None:
        """What a run takes by itself, and which runs it wants; None where it cannot be told."""
        what = kind(config)
        if what not in self.paces:
            self.paces[what] = self.pace(config, what)
        pace = self.paces[what]
        if pace is None:
            return None
        epochs = config.train.epochs if pace.epochs is None else pace.epochs
        trained = max(0, epochs - done(run_dir)) * pace.epoch / config.train.devices
        wants = []
        for own, whose, folder in wanted(config) if pace.wants else ():
            before = ended(folder, Rerun.failed, whose.digest)
            if brief(kind(own)) in pace.wants and not before:
                wants.append(folder)
                if folder not in self.teachers:
                    load = self.load(own, folder)
                    if load is None:
                        return None
                    self.teachers[folder] = load
        return Load(pace.begin + trained + pace.students * pace.end, tuple(wants))

    def pace(self, config: DictConfig, what: str) -> Pace | None:
        """How long a kind of run takes, as earlier ones tell.

        Args:
            config: of one of them.
            what: kind it is.
        """
        where = paces.place(what, self.place.threads, config.train.device)
        found = recall(where, first=self.place.fresh)
        self.imports = max(self.imports, found.imports if found else 0.0)
        return found


def forecast(configs: Mapping[Path, DictConfig], known: Known, start: float) -> Forecast:
    """Add up what is known of each run as the launcher will.

    Args:
        configs: of the jobs that are to run, resolved, by the folder of the run.
        known: of them; jobs of which nothing is, are taken to be like the others.
        start: seconds from the start of a process until its run is known.
    """
    some = dict(list(configs.items())[:LOOKED_AT])
    loads = {run_dir: known.load(config, run_dir) for run_dir, config in some.items()}
    told = [load.seconds for load in loads.values() if load is not None]
    if not told:
        return UNKNOWN
    place, mean = known.place, sum(told) / len(told)
    jobs = {run_dir: load or Load(mean, ()) for run_dir, load in loads.items()}
    starts = start + known.imports if place.fresh else 0.0
    once = min(place.at_once, len(configs))
    crowd = max(1.0, once * (place.threads or 1) / place.cores)
    whole, each = lay_out(jobs, known.teachers, place.at_once, starts, crowd)
    more = len(configs) / len(some)
    rest = {run_dir: sum(each.values()) / len(each) for run_dir in configs if run_dir not in each}
    loaded = 0.0 if place.fresh else known.imports
    return Forecast(whole * more + loaded, each | rest, len(known.teachers))


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
