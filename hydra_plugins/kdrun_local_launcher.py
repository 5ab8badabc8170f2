"""`hydra/launcher=local`: a fresh process for each job, so many at once.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.utils import JobReturn, configure_log
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
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
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what `launch` needs. The task is not called: each process has its own."""
        self.config, self.hydra_context = config, hydra_context

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs to the end.

        Args:
            job_overrides: the overrides of each.
            initial_job_idx: the number of the first; jobs are known by their folders here.

        Returns:
            For each job its validation accuracy, or None if it failed, which its record tells.
        """
        from kdrun.sweep import returned
        from kdrun.sweep.jobs import commands, to_console
        from kdrun.sweep.pool import Pool, shares

        assert self.config is not None
        assert self.hydra_context is not None
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        jobs = commands(self.hydra_context.config_loader, self.config, job_overrides)
        quietly = to_console(self.config)
        devices = max(job.config.train.devices for job in jobs if job.config is not None)
        size, gpus, threads = shares(self.n_jobs, self.gpus, self.threads, devices)
        pool = Pool(
            size=size,
            gpus=gpus,
            threads=threads,
            rerun=self.config.rerun,
            fail_fast=self.config.fail_fast,
        )
        pool.run({job: [*words, *quietly] for job, words in jobs.items()})
        return [returned(job) for job in jobs]
