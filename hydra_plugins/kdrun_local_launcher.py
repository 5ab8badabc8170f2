"""`hydra/launcher=local`: a fresh process for each job, so many at once.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from hydra_plugins._commands import CommandLauncher

if TYPE_CHECKING:
    from kdrun.sweep.forecast import Place
    from kdrun.sweep.jobs import Job


class LocalLauncher(CommandLauncher):
    """Runs the jobs of a sweep in processes on this machine.

    Args:
        n_jobs: how many at once; None: one for each GPU, or for every `train.devices` of them; for
            every two cores where there is none.
        gpus: which GPUs are dealt out over the processes: `auto` for all, None, or their numbers.
        threads: of each process; None: the cores shared out evenly.
    """

    def __init__(
        self,
        n_jobs: int | None = None,
        gpus: str | Sequence[int | str] | None = "auto",
        threads: int | None = None,
    ) -> None:
        self.n_jobs, self.gpus, self.threads = n_jobs, gpus, threads

    def place(self, devices: int) -> Place:
        """How jobs are executed here.

        Args:
            devices: how many GPUs a process needs.

        Raises:
            ValueError: an option does not fit; the message says which.
        """
        from kdrun.sweep.forecast import Place
        from kdrun.sweep.pool import cores, shares

        size, _, threads = shares(self.n_jobs, self.gpus, self.threads, devices)
        return Place(size, threads, cores(), fresh=True)

    def run(self, config: DictConfig, jobs: Mapping[Job, Sequence[str]]) -> None:
        """As many at once as there is room for; see `CommandLauncher`."""
        from kdrun.sweep.jobs import to_console
        from kdrun.sweep.pool import Pool, shares

        quietly = to_console(config)
        devices = max(job.config.train.devices for job in jobs if job.config is not None)
        size, gpus, threads = shares(self.n_jobs, self.gpus, self.threads, devices)
        pool = Pool(
            size=size,
            gpus=gpus,
            threads=threads,
            rerun=config.rerun,
            fail_fast=config.fail_fast,
            left=self.left,
        )
        pool.run({job: [*words, *quietly] for job, words in jobs.items()})
