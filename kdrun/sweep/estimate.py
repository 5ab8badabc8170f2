"""What is said of the time that a sweep takes, before it begins. Imports no torch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from tabulate import tabulate

from kdrun.sweep import in_process
from kdrun.sweep.forecast import UNKNOWN, Forecast, Place
from kdrun.sweep.jobs import Job
from kdrun.sweep.left import Left
from kdrun.sweep.measure import is_long, known, measured, seen
from kdrun.sweep.outcome import state
from kdrun.sweep.pool import cores
from kdrun.terminal.duration import span

log = logging.getLogger(__name__)


def told(jobs: Sequence[Job], todo: Sequence[Job], master: DictConfig, place: Place | None) -> str:
    """The plan: each job, how it stands, and about how long it will take.

    Args:
        jobs: all jobs of the sweep.
        todo: those that would run.
        master: the config of the sweep.
        place: how they are executed; None where that is not this machine.
    """
    found = _planned(_configs(todo), place or _alone()) if master.estimate else UNKNOWN
    rows = [
        (job.label, state(job), "" if job not in todo else span(found.jobs.get(job.run_dir)))
        for job in jobs
    ]
    lines = [tabulate(rows, headers=("job", "now", "takes"))] if rows else []
    lines.append(f"{len(todo)} of {len(jobs)} runs to do in {master.hydra.sweep.dir}")
    if todo and master.estimate:
        lines.append(_sum(found, place))
    return "\n".join(lines)


def expect(
    jobs: Sequence[Job], todo: Sequence[Job], master: DictConfig, place: Place | None
) -> Left | None:
    """Say how long a sweep will take, before it begins, where the config wants that.

    Returns:
        What tells how long the rest will take; None where nothing was measured.
    """
    if place is None or not master.estimate or not todo:
        return None
    said = f"{len(todo)} of {len(jobs)} runs to do"
    if len(todo) == 1:
        log.info("%s; its epochs say how long it takes", said)
        return None
    configs = _configs(todo)
    found = known(configs, place)
    if found.whole is None and is_long(configs, place):
        found = measured(configs, place)
    if found.whole is None:
        log.info("%s; how long is told when the first has done two epochs", said)
        left = Left(None, place.at_once)
        left.look_out(partial(seen, configs, place))
        return left
    log.info("%s: %s", said, _sum(found, place))
    return Left(found.jobs, place.at_once)


def _planned(configs: Mapping[Path, DictConfig], place: Place) -> Forecast:
    found = known(configs, place)
    return measured(configs, place) if found.whole is None else found


def _configs(todo: Sequence[Job]) -> dict[Path, DictConfig]:
    return {job.run_dir: job.config for job in todo if job.config is not None}


def _sum(found: Forecast, place: Place | None) -> str:
    if found.whole is None:
        return "how long they take cannot be told, for their first steps could not be tried"
    count = found.teachers
    first = f", {count} teacher{'s' * (count > 1)} included" if count else ""
    alone = "one after another" + ("" if place is not None else ", on this machine")
    how = alone if place is None or place.at_once == 1 else f"{place.at_once} at once"
    return f"about {span(found.whole)} {how}{first}"


def _alone() -> Place:
    return Place(1, None, cores(), fresh=False)


def where(launcher: Launcher, todo: Sequence[Job]) -> Place | None:
    """How a launcher executes jobs, as far as that is on this machine.

    Raises:
        ValueError: an option of the launcher does not fit; the message says which.
    """
    if hasattr(launcher, "place"):
        devices = [job.config.train.devices for job in todo if job.config is not None]
        found: Place = launcher.place(max(devices, default=1))
        return found
    return _alone() if in_process(launcher) else None
