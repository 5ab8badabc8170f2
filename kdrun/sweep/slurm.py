"""What SLURM's queue says of jobs; its accounting, which submitit asks, not every cluster keeps."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import submitit

from kdrun.results.record import write_atomic
from kdrun.sweep.jobs import Job

log = logging.getLogger(__name__)

LOOK = ("squeue", "--me", "--array", "--noheader", "--states=all", "--format=%i %T")

LIVE = frozenset(
    {
        *("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"),
        *("COMPLETING", "RESIZING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"),
    }
)
"""States of a job that will run, runs, or will run again."""

QUEUED = "queued.json"
"""Which job of the queue is which run: for a command that goes on where this one was killed."""


class Queue:
    """The jobs of this user, looked at now and then.

    Args:
        folder: submitit's.
        pause: seconds between two looks: a cluster's controller serves many.
    """

    def __init__(self, folder: Path, pause: float = 10.0) -> None:
        self.folder, self.pause = folder, pause
        self.states: dict[str, str] = {}
        self.looked = float("-inf")
        self.gone: dict[str, float] = {}

    def state(self, handle: submitit.SlurmJob[int]) -> str:
        """As SLURM calls it, or `unknown`: what ended is forgotten after some minutes."""
        if time.monotonic() - self.looked >= self.pause:
            told = subprocess.run(LOOK, capture_output=True, text=True, check=False)
            if told.returncode == 0:
                self.states = dict(line.split() for line in told.stdout.splitlines())
            else:  # the controller may be busy; what was true is taken to be so still
                log.warning("squeue: %s", told.stderr.strip())
            self.looked = time.monotonic()
        return self.states.get(handle.job_id, "unknown")

    def is_over(self, handle: submitit.SlurmJob[int]) -> bool:
        """Whether a job has left its result, or two looks in a row found that it does not live.

        One look is not enough: a job may be on its way back into the queue.
        """
        if handle.paths.result_pickle.exists():
            return True
        if self.state(handle) in LIVE:
            self.gone.pop(handle.job_id, None)
            return False
        return self.gone.setdefault(handle.job_id, self.looked) < self.looked

    def note(self, handles: Mapping[Job, submitit.Job[int]]) -> None:
        """Write down which job of the queue is which run."""
        known = self._noted() | {job.run_dir.name: one.job_id for job, one in handles.items()}
        write_atomic(self.folder / QUEUED, json.dumps(known, indent=1))

    def adopted(self, jobs: Iterable[Job]) -> dict[Job, submitit.SlurmJob[int]]:
        """Those of the jobs that an earlier command queued, and that live still."""
        known = self._noted()
        found: dict[Job, submitit.SlurmJob[int]] = {
            job: submitit.SlurmJob(self.folder, str(known[job.run_dir.name]))
            for job in jobs
            if job.run_dir.name in known
        }
        return {job: handle for job, handle in found.items() if self.state(handle) in LIVE}

    def _noted(self) -> dict[str, Any]:
        try:
            known = json.loads((self.folder / QUEUED).read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
