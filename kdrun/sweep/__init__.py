"""What becomes of the jobs of a sweep, under whichever launcher. Imports no torch.

The order of things: `plan` says where every job lies, `check` finds all faults of those that are to
run before the first does, `launch` hands over what is not done, `outcome.sum_up` says how it all
ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.callable import callable_package
from kdrun.config.schema import Rerun
from kdrun.config.unread import readable
from kdrun.config.validate import ConfigError, parts
from kdrun.files.fingerprint import once
from kdrun.results.record import write_atomic
from kdrun.run.done import refuse_another
from kdrun.run.folder import busy
from kdrun.run.life import bury
from kdrun.sweep.jobs import Composer, Job, Known, command_of, marked, settle, telling_apart
from kdrun.sweep.left import Left
from kdrun.sweep.outcome import state

log = logging.getLogger(__name__)

SWEEP = "multirun.yaml"
"""Hydra's record of a sweep, which `kdrun resume` reads."""


BASIC = "hydra._internal.core_plugins.basic_launcher"
"""Where Hydra's in-process launcher lives; its class is made anew by each search for plugins."""

CLAIM = ".claim"
"""Held by the sweep that has taken a run, which may be some time before a process is up for it."""


def plan(compose: Composer, batch: Sequence[Sequence[str]]) -> list[Job]:
    """Find the run of every job; jobs that are one and the same run become one.

    A job with `cv.folds` and no `cv.fold` becomes a job for each fold.

    Args:
        compose: the jobs of the sweep.
        batch: the overrides of each job.

    Returns:
        The jobs, in order. Those without a config are done.

    Raises:
        ConfigError: with everything that cannot be composed.
    """
    with once():
        jobs = _placed(compose, batch)
        return marked(_apart_from_others(jobs))


def _placed(compose: Composer, batch: Sequence[Sequence[str]]) -> list[Job]:
    master = compose.master
    known = Known(Path(master.hydra.sweep.dir), master)
    jobs: list[Job] = []
    faults: list[str] = []
    for words, label in zip(batch, telling_apart(batch), strict=True):
        if run_dir := known.done(words, master.rerun):
            jobs.append(Job(tuple(words), run_dir, label or run_dir.name))
            continue
        try:
            config = compose(words)
            for fold, name in _folds(config, label if len(batch) > 1 else ""):
                folded = [*words, *fold]
                jobs.append(settle(folded, name, compose(folded) if fold else config))
        except (HydraException, OmegaConfBaseException) as error:
            told = readable(error)
            faults.append(f"{label}: {told}" if label else told)
    if faults:
        raise ConfigError(faults)
    return jobs


def _apart_from_others(jobs: list[Job]) -> list[Job]:
    """The jobs, each once; refused where a folder would have to hold two runs."""
    found: dict[Path, Job] = {}
    faults = []
    for job in jobs:
        first = found.setdefault(job.run_dir, job)
        if job.what is None or first.what is None:
            continue
        try:
            refuse_another(job.run_dir, job.what.digest)
        except ValueError as error:
            faults.append(f"{job.label}: {error}")
        if job.what.digest != first.what.digest:
            faults.append(f"{job.label} and {first.label} would lie in one folder, {job.run_dir}")
    if faults:
        raise ConfigError(faults)
    return list(found.values())


def _folds(config: DictConfig, label: str) -> Iterator[tuple[list[str], str]]:
    """What to add to the overrides of a job for each fold of it, and what it is then called."""
    folds = config.cv.folds or 0
    if folds < 2 or config.cv.fold is not None:
        yield [], label
        return
    for number in range(folds):
        yield [f"cv.fold={number}"], f"{label} cv.fold={number}".strip()


def missing(jobs: Iterable[Job], rerun: Rerun) -> list[Job]:
    """The jobs that are to run."""
    return [job for job in jobs if not job.ended(rerun)]


def check(jobs: Sequence[Job]) -> None:
    """Find every fault in the configs of jobs that are to run.

    Raises:
        ConfigError: with each fault once, and in which jobs it is.
    """
    where: dict[str, list[str]] = {}
    for job in jobs:
        assert job.config is not None
        for fault in parts(job.config):
            where.setdefault(fault, []).append(job.label)
    if where:
        raise ConfigError([fault + _among(labels, len(jobs)) for fault, labels in where.items()])


def _among(labels: list[str], jobs: int) -> str:
    if len(labels) == jobs:
        return ""
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    return f"\n  in {'; '.join(labels[:3])}{more}"


def take(waiting: list[Job], rerun: Rerun) -> tuple[Job, FileLock] | None:
    """Remove the first job that nobody is at from a list of jobs, and claim it.

    What another sweep over the same folder has done meanwhile is removed as well.

    Returns:
        The job, and what keeps other sweeps from taking it until it is released. None if others
        are at all that are left, or none is.
    """
    for job in list(waiting):
        job.run_dir.mkdir(parents=True, exist_ok=True)
        claim = FileLock(job.run_dir / CLAIM, blocking=False)
        try:
            claim.acquire()
        except Timeout:
            continue
        if not busy(job.run_dir):
            waiting.remove(job)
            if not job.ended(rerun):
                return job, claim
        claim.release()
    return None


def taken(run_dir: Path) -> bool:
    """Whether a sweep has claimed a run, or a process is at it."""
    if not run_dir.is_dir():
        return False
    try:
        with FileLock(run_dir / CLAIM, blocking=False):
            return busy(run_dir)
    except Timeout:
        return True


def in_process(launcher: Launcher) -> bool:
    """Whether a launcher is Hydra's basic one."""
    return type(launcher).__module__ == BASIC


def launch(
    launcher: Launcher, compose: Composer, jobs: Sequence[Job], left: Left | None = None
) -> None:
    """Run jobs, and see to it that each has a record in the end.

    Args:
        launcher: any of Hydra's. The basic one is given job after job, so that those another
            process is at come last; the others are given all at once.
        compose: the jobs of the sweep.
        jobs: those that are to run.
        left: tells after each job how long the others will take.

    Raises:
        ConfigError: jobs are for several machines, and the launcher knows only this one.
    """
    several = any(job.config is not None and job.config.train.nodes > 1 for job in jobs)
    if several and not getattr(launcher, "spans_machines", False):
        raise ConfigError(["train.nodes: a sweep over several machines needs hydra/launcher=slurm"])
    try:
        _handed_over(launcher, compose, jobs, left)
    finally:
        if left is not None:
            left.end()


def _handed_over(
    launcher: Launcher, compose: Composer, jobs: Sequence[Job], left: Left | None
) -> None:
    if in_process(launcher):
        _one_by_one(launcher, compose, jobs, left)
    elif jobs:
        if hasattr(launcher, "left"):
            launcher.left = left
        launcher.launch([job.overrides for job in jobs], initial_job_idx=0)
        for job in jobs:
            if state(job) == "cut off":
                assert job.config is not None
                assert job.what is not None
                bury(job.config, job.what, job.run_dir, "its process ended without a word")


def _one_by_one(launcher: Any, compose: Composer, jobs: Sequence[Job], left: Left | None) -> None:
    logging.getLogger(BASIC).setLevel(logging.WARNING)
    master = compose.master
    launcher.hydra_context = compose.for_launcher(launcher.hydra_context)
    waiting, told = list(jobs), False
    while waiting:
        found = take(waiting, master.rerun)
        if found is None:
            if waiting and not told:
                log.info("other processes are at the last %d runs; waiting", len(waiting))
                told = True
            time.sleep(0.5)
            continue
        job, claim = found
        index = jobs.index(job)
        log.info("[%d/%d] %s", index + 1, len(jobs), job.label)
        try:
            launcher.launch([job.words(command_of(master))], initial_job_idx=index)
        finally:
            claim.release()
        if left and (told_left := left.after(job.run_dir)):
            log.info("[%d/%d] over%s", index + 1, len(jobs), told_left)
        if master.fail_fast and state(job) == "failed":
            return


def begin(master: DictConfig, jobs: Sequence[Job]) -> Path:
    """Make the folder of a sweep, with Hydra's record of it.

    Returns:
        The folder.
    """
    sweep_dir = Path(str(master.hydra.sweep.dir))
    sweep_dir.mkdir(parents=True, exist_ok=True)
    write_atomic(sweep_dir / SWEEP, OmegaConf.to_yaml(master))
    Known(sweep_dir, master).save(jobs)
    return sweep_dir


callable_package(__name__)
