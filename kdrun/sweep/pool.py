"""A process for each job of a sweep, so many at once, each with its share of the machine.

A process that is killed costs its own job and no other.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from filelock import FileLock

from kdrun.config.schema import Rerun
from kdrun.parallel.process import THREADS, obituary
from kdrun.run.life import bury
from kdrun.run.pace import CROWDED
from kdrun.sweep import take
from kdrun.sweep.jobs import Job
from kdrun.sweep.left import Left
from kdrun.sweep.outcome import record_of, tell_end
from kdrun.sweep.worker import PATIENCE, start

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""Exit status of a run that was told to stop, and may go on later."""


@dataclass
class Running:
    """A job and its process.

    Attributes:
        job: the job.
        claim: keeps other sweeps from it.
        slot: which of the places of the pool it has, and so which GPU.
        process: what executes it.
        began: when, on the clock of `time.monotonic`.
    """

    job: Job
    claim: FileLock
    slot: int
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)


class Pool:
    """Executes jobs, each in a fresh process.

    Args:
        size: how many run at once.
        gpus: values of CUDA_VISIBLE_DEVICES, dealt out over the places of the pool.
        threads: of each process.
        rerun: which ended runs to run again.
        fail_fast: whether the first failure ends it all.
        left: tells after each job how long the others will take.
    """

    def __init__(
        self,
        *,
        size: int,
        gpus: Sequence[str] = (),
        threads: int = 1,
        rerun: Rerun = Rerun.failed,
        fail_fast: bool = False,
        left: Left | None = None,
    ) -> None:
        self.size, self.gpus, self.threads = size, list(gpus), threads
        self.rerun, self.fail_fast, self.left = rerun, fail_fast, left
        self.running: list[Running] = []
        self.commands: Mapping[Job, Sequence[str]] = {}
        self.numbers: dict[Job, str] = {}

    def run(self, commands: Mapping[Job, Sequence[str]]) -> None:
        """Execute jobs to the end; however this ends, no process is left behind.

        Args:
            commands: what is typed after `kdrun` for each.
        """
        self.commands = commands
        self.numbers = {job: f"[{n}/{len(commands)}]" for n, job in enumerate(commands, 1)}
        waiting, failed = list(commands), False
        try:
            while waiting or self.running:
                while len(self.running) < self.size and (taken := take(waiting, self.rerun)):
                    self._start(*taken)
                time.sleep(0.05 if self.running else 0.5)
                for each in [one for one in self.running if one.process.poll() is not None]:
                    failed |= not self._end(each)
                if failed and self.fail_fast:
                    return
        finally:
            self._stop()

    def _start(self, job: Job, claim: FileLock) -> None:
        slot = min(set(range(self.size)) - {each.slot for each in self.running})
        environment = dict.fromkeys(THREADS, str(self.threads))
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self.gpus[slot % len(self.gpus)]
        if self.size * self.threads > cores():
            environment[CROWDED] = "1"
        process = start(self.commands[job], job.run_dir, environment)
        log.info("%s begun: %s", self.numbers[job], job.label)
        self.running.append(Running(job, claim, slot, process))

    def _end(self, each: Running) -> bool:
        """Tell how a job ended; whether well."""
        self.running.remove(each)
        job, status = each.job, each.process.returncode
        record = record_of(job)
        if status != 0 and (record is None or record["status"] == "running" or status < 0):
            assert job.config is not None
            assert job.what is not None
            bury(job.config, job.what, job.run_dir, obituary(status))
        each.claim.release()
        left = self.left.after(job.run_dir) if self.left else ""
        return tell_end(job, self.numbers[job], time.monotonic() - each.began, left)

    def _stop(self) -> None:
        """Interrupt what runs; each keeps its checkpoint."""
        for each in self.running:
            with contextlib.suppress(ProcessLookupError):
                each.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        for each in self.running:
            try:
                each.process.wait(max(0.0, deadline - time.monotonic()))
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                each.process.kill()
                each.process.wait()
            each.claim.release()
        self.running.clear()


def shares(
    size: int | None,
    gpus: str | Sequence[int | str] | None,
    threads: int | None,
    devices: int = 1,
) -> tuple[int, list[str], int]:
    """How many processes at once, on which GPUs, with how many threads each.

    Args:
        size: None for one process per GPU, or per two cores where there is no GPU.
        gpus: `auto` for all that can be seen, None for none, or their names.
        threads: None for the cores of this process shared out evenly.
        devices: how many GPUs a process needs.

    Raises:
        ValueError: for a size or a number of threads below one, an unknown word for `gpus`, or
            fewer GPUs than a process needs.
    """
    if isinstance(gpus, str) and gpus != "auto":
        raise ValueError(f"hydra.launcher.gpus={gpus}: write auto, null, or a list such as [0,1]")
    names = _visible_gpus() if gpus == "auto" else [str(gpu) for gpu in gpus or ()]
    if 0 < len(names) < devices:
        raise ValueError(f"train.devices={devices}: hydra.launcher.gpus gives only {len(names)}")
    starts = range(0, len(names) - devices + 1, devices)
    names = [",".join(names[start : start + devices]) for start in starts]
    if size is None:
        size = len(names) or max(1, cores() // 2)
    if threads is None:
        threads = max(1, cores() // max(1, size))
    for key, value in (("n_jobs", size), ("threads", threads)):
        if value < 1:
            raise ValueError(f"hydra.launcher.{key}={value}: must be at least 1, or null")
    return size, names, threads


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _visible_gpus() -> list[str]:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]
