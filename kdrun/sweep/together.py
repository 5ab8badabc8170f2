"""Jobs of a sweep in this process, those side by side that learn from the same batches.

Each has its folder, record, log, checkpoint and fate, as if it were alone; what is made once for
all is what each would make for itself.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from filelock import FileLock
from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from kdrun.files.logfile import RunLog
from kdrun.parallel.turns import Turn, Turns
from kdrun.run.life import run
from kdrun.run.pace import CROWDED
from kdrun.run.side_by_side import Beside, Common
from kdrun.sweep import take
from kdrun.sweep.jobs import Composer, Job, command_of, marked, settle, telling_apart
from kdrun.sweep.outcome import record_of, tell_end
from kdrun.sweep.shared import asks, learns
from kdrun.terminal.printable import Formatter

log = logging.getLogger(__name__)

SOME = 3
"""Of the jobs that run by themselves, those that are named."""


class Together:
    """Runs jobs, so many side by side.

    Args:
        context: Hydra's.
        master: the config of the sweep.
        size: how many are trained side by side, at most.
    """

    def __init__(self, context: HydraContext, master: DictConfig, size: int) -> None:
        self.context, self.master, self.size = context, master, size
        self.compose = Composer(context.config_loader, master)
        self.numbers: dict[Job, int] = {}
        self.asked: dict[Job, str | None] = {}
        self.logs = Logs()
        self.failed = False

    def run(self, batch: Sequence[Sequence[str]]) -> list[Job]:
        """Run jobs to the end.

        Args:
            batch: the overrides of each.
        """
        each = zip(batch, telling_apart(batch), strict=True)
        jobs = marked(settle(words, label, self.compose(words)) for words, label in each)
        self.numbers = {job: number for number, job in enumerate(jobs)}
        self.asked = {job: asks(job.config) for job in jobs if job.config is not None}
        groups = grouped(jobs)
        for sentence in told(groups, self.size):
            log.info("%s", sentence)
        with self.logs, _crowded():
            for group in groups:
                self._group(group)
        return jobs

    def _group(self, group: list[Job]) -> None:
        """Run the jobs of a group, as many at once as there is room for."""
        waiting = list(group)
        while waiting and not (self.failed and self.master.fail_fast):
            claimed: list[tuple[Job, FileLock]] = []
            while len(claimed) < self.size and (found := take(waiting, self.master.rerun)):
                claimed.append(found)
            if not claimed:  # other processes are at those that are left
                time.sleep(0.5 if waiting else 0.0)
                continue
            try:
                self._side_by_side([job for job, _ in claimed])
            finally:
                for _, claim in claimed:
                    claim.release()

    def _side_by_side(self, jobs: list[Job]) -> None:
        """Train some jobs step by step."""
        configs = [self._begin(job, among=jobs) for job in jobs]
        turns, common = Turns(), Common(configs[0].train.accumulate) if len(jobs) > 1 else None
        turns.run(
            [
                partial(self._one, job, config, turns, common)
                for job, config in zip(jobs, configs, strict=True)
            ]
        )

    def _begin(self, job: Job, among: list[Job]) -> DictConfig:
        """Let Hydra write down what a job is; returns its config.

        Args:
            job: of the sweep.
            among: those that are trained beside it. What these ask a teacher need not be kept.
        """
        others = [one for other, one in self.asked.items() if other not in among]
        again = self.asked[job] in others or _records(job)
        words = replace(job, shared=job.shared and again).words(command_of(self.master))
        config, kept = self.compose(words), list[DictConfig]()
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = self.numbers[job]
        run_job(
            task_function=kept.append,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
            configure_logging=False,
        )
        (own,) = kept
        own.train.progress = False
        return own

    def _one(
        self, job: Job, config: DictConfig, turns: Turns, common: Common | None, turn: Turn
    ) -> None:
        """Run one job in its thread; whatever becomes of it is in its record."""
        number = f"[{self.numbers[job] + 1}/{len(self.numbers)}]"
        log.info("%s begun: %s", number, job.label)
        begin, error = time.monotonic(), ""
        with self.logs.to(job.run_dir / "run.log"):
            try:
                beside = Beside(common, turn) if common is not None else None
                run(config, job.run_dir, job=True, what=job.what, beside=beside)
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
                log.error("failed: %s", error)
        if record_of(job) is None:
            log.error("%s failed: %s: %s", number, job.label, error)
            self.failed = True
        else:
            self.failed |= not tell_end(job, number, time.monotonic() - begin)
        if self.failed and self.master.fail_fast:
            turns.stop()


class Logs(logging.Handler):
    """Sends what the thread of a run says to the log of that run, and to no other handler."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[int | None, RunLog] = {}
        self.others: list[logging.Handler] = []

    def __enter__(self) -> Logs:
        root = logging.getLogger()
        self.others = list(root.handlers)
        for handler in self.others:
            handler.addFilter(self.elsewhere)
        root.addHandler(self)
        return self

    def __exit__(self, *raised: object) -> None:
        logging.getLogger().removeHandler(self)
        for handler in self.others:
            handler.removeFilter(self.elsewhere)

    def elsewhere(self, record: logging.LogRecord) -> bool:
        """Whether a record is of no run."""
        return record.thread not in self.own

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record where it belongs."""
        if handler := self.own.get(record.thread):
            handler.handle(record)

    @contextmanager
    def to(self, path: Path) -> Iterator[None]:
        """What this thread says meanwhile goes to a file."""
        handler, thread = RunLog(path, delay=True), threading.get_ident()
        handler.setFormatter(Formatter("%(message)s"))
        self.own[thread] = handler
        try:
            yield
        finally:
            del self.own[thread]
            handler.close()


def grouped(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs, those together that learn from the same batches, in the order of the first."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        what = None if job.config is None else learns(job.config)
        groups.setdefault(job if what is None else what, []).append(job)
    return list(groups.values())


def told(groups: Sequence[Sequence[Job]], size: int) -> Iterator[str]:
    """Which jobs are trained side by side, and which cannot be, in a sentence each.

    Args:
        groups: of all jobs.
        size: how many are trained side by side, at most.
    """
    many, alone = [g for g in groups if len(g) > 1], [g[0].label for g in groups if len(g) == 1]
    if many and size > 1:
        largest = min(size, max(map(len, many)))
        jobs = sum(map(len, many))
        yield f"{jobs} jobs learn from the same batches as others: side by side, {largest} at once"
    if alone and (many or len(alone) > 1):
        some = "; ".join(alone[:SOME]) + ("; ..." if len(alone) > SOME else "")
        run = "job shares no batches, and runs by itself"
        if len(alone) > 1:
            run = "jobs share no batches, and run one after another"
        yield (
            f"{len(alone)} {run}: {some} "
            "(the same data, dataset.view_seed, train.batch_size and one device let them)"
        )


def _records(job: Job) -> bool:
    """Whether its steps may be recorded, each of which asks for itself."""
    from kdrun.device import choose_device

    assert job.config is not None
    return choose_device(job.config.train.device).type == "cuda"


@contextmanager
def _crowded() -> Iterator[None]:
    """How long these runs take is no rule for others."""
    before = os.environ.get(CROWDED)
    os.environ[CROWDED] = "1"
    try:
        yield
    finally:
        del os.environ[CROWDED]
        if before is not None:
            os.environ[CROWDED] = before
