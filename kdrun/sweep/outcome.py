"""How the jobs of a sweep stand and ended. Imports no torch."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus

from kdrun.results.glossary import headline
from kdrun.results.record import Record, collect, load_record, score
from kdrun.run import crossval
from kdrun.run.folder import busy
from kdrun.sweep.jobs import Job

log = logging.getLogger(__name__)

MISTAKES = ("ValueError: ", "FileNotFoundError: ")
"""How the error of a run begins that is the user's to mend."""


class SweepFailedError(RuntimeError):
    """Not every job of a sweep ended well; the message says which."""


def record_of(job: Job) -> Record | None:
    """The record of a job, if there is one that can be read."""
    try:
        return load_record(job.run_dir)
    except (FileNotFoundError, ValueError):
        return None


def tell_end(job: Job, number: str, seconds: float, left: str = "") -> bool:
    """Say in a line how a job ended, and how long others will take; whether well."""
    record = load_record(job.run_dir)
    if record["status"] == "ok":
        name = headline([record["metrics"]])
        value = record["metrics"].get(name)
        told = f"  {name} {value:.4f}" if isinstance(value, float) else ""
        log.info("%s ok after %.0f s: %s%s%s", number, seconds, job.label, told, left)
        return True
    log.error("%s %s: %s: %s%s", number, record["status"], job.label, _last_line(job), left)
    return False


def returned(job: Job) -> JobReturn:
    """What Hydra wants to know of a job: here the criterion of its task, for other sweepers."""
    record = record_of(job)
    value = None if record is None else score(record)
    return JobReturn(
        overrides=job.overrides, cfg=job.config, status=JobStatus.COMPLETED, _return_value=value
    )


def state(job: Job) -> str:
    """How a job stands: `ok`, `failed`, `pruned`, `interrupted`, `running`, `cut off`, or `new`."""
    record = record_of(job)
    if record is None:
        return "new"
    if record["status"] == "running":
        return "running" if busy(job.run_dir) else "cut off"
    return record["status"]


def sum_up(jobs: Sequence[Job], already: int, sweep_dir: Path) -> None:
    """Print how a sweep ended.

    Args:
        jobs: all of them.
        already: how many were done before.
        sweep_dir: where they lie.

    Raises:
        SweepFailedError: one of them is not `ok`.
        ValueError: none is `ok`, by one and the same mistake of the user's.
    """
    collect(sweep_dir)  # a process may have been killed after its record and before its row
    states = {job: state(job) for job in jobs}
    done = list(states.values()).count("ok")
    print(f"{done} of {len(jobs)} runs ok" + (f", {already} of them before" if already else ""))
    if done:
        print(os.path.relpath(sweep_dir / "results.csv"))
        if table := crossval.told([job.run_dir for job in jobs]):
            print(table)
    if done == len(jobs):
        return
    failed = [job for job in jobs if states[job] == "failed"]
    told = [f"{len(failed)} of {len(jobs)} runs failed:"]
    told += [f"  {job.label}: {_last_line(job)}" for job in failed]
    errors = {str((record_of(job) or {}).get("error")) for job in failed}
    if not done and len(errors) == 1 and min(errors).startswith(MISTAKES):
        raise ValueError(min(errors).partition(": ")[2])
    if rest := len(jobs) - done - len(failed):
        told.append(f"{rest} of {len(jobs)} runs are not done")
    told.append("the same command, or kdrun resume, runs only these")
    raise SweepFailedError("\n".join(told))


def _last_line(job: Job) -> str:
    record = record_of(job)
    lines = (record or {}).get("error", "").strip().splitlines()
    return lines[-1] if lines else "?"
