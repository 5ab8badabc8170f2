"""Jobs in processes that somebody else starts: a cluster's queue, or Ray. Imports no torch.

What travels is the command of a job, not Hydra's state: the process at the other end composes the
config itself, and takes part in the same folder's locks and records.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kdrun.run.life import bury
from kdrun.security import trust
from kdrun.security.wellformed import UNFINISHED
from kdrun.sweep.jobs import Job
from kdrun.sweep.outcome import record_of, tell_end
from kdrun.sweep.worker import PATIENCE, start

Handle = TypeVar("Handle")


class Command:
    """The command of a job, to be called in a process of its own.

    Args:
        words: what is typed after `kdrun`.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.folder = list(words), Path.cwd()
        self.trusted = trust.handed_on(self.words)

    def __call__(self) -> int:
        """Execute it where the sweep was started; the exit status."""
        # torch reads this once; a queue that granted some cores of a machine means these.
        if cores := os.environ.get("SLURM_CPUS_PER_TASK"):
            os.environ.setdefault("OMP_NUM_THREADS", cores)
        os.environ |= self.trusted
        os.chdir(self.folder)
        sys.argv = ["kdrun", *self.words]

        # A worker of a data loader must not answer the queue's signals in the place of this one.
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGUSR2, signal.SIG_IGN))

        from kdrun import cli

        try:
            cli.main(job=True)
        except SystemExit as ended:
            if ended.code in (cli.DONE, cli.FAILED, cli.MISTAKE):
                return int(ended.code)
            raise  # submitit has put the job back into the queue
        raise AssertionError  # it exits

    def checkpoint(self) -> Any:
        """What submitit puts back into the queue when a job is preempted or out of time."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def execute(words: Sequence[str], folder: Path, run_dir: Path, typed: Sequence[str] = ()) -> int:
    """Run a job in a process beside this one, which lives on if that is killed.

    Args:
        words: what is typed after `kdrun`.
        folder: where the sweep was started; every machine must have it.
        run_dir: of the job, seen from there.
        typed: what the user typed of them.

    Returns:
        The exit status; that of a signal is negative.
    """
    trust.begin(typed)
    os.chdir(folder)
    process = start(words, run_dir, {})
    try:
        while (status := process.poll()) is None:
            time.sleep(0.1)  # Ray's way to cancel a task does not interrupt a system call
        return status
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def follow(
    handles: Mapping[Job, Handle],
    is_over: Callable[[Handle], bool],
    last_word: Callable[[Handle], str],
    cancel: Callable[[Handle], object],
    *,
    fail_fast: bool,
    pause: float = 1.0,
) -> None:
    """Wait for jobs, tell how each ends, and bury those that died.

    Args:
        handles: what the engine calls each job.
        is_over: whether it has ended, however.
        last_word: what the engine knows of the death of one.
        cancel: ends one. Called for those that are left when this one is interrupted.
        fail_fast: whether the first failure ends the others.
        pause: seconds between two looks.
    """
    numbers = {job: f"[{n}/{len(handles)}]" for n, job in enumerate(handles, 1)}
    left = dict(handles)
    begin = time.monotonic()
    try:
        while left:
            for job in [job for job, handle in left.items() if is_over(handle)]:
                handle = left.pop(job)
                record = record_of(job)
                if record is None or record["status"] in UNFINISHED:
                    assert job.config is not None
                    assert job.what is not None
                    bury(job.config, job.what, job.run_dir, last_word(handle))
                well = tell_end(job, numbers[job], time.monotonic() - begin)
                if fail_fast and not well:
                    return
            if left:
                time.sleep(pause)
    finally:
        for handle in left.values():
            cancel(handle)
