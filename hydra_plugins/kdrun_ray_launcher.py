"""`hydra/launcher=ray`: a Ray task for each job of a sweep.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, configure_log
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

log = logging.getLogger(__name__)


class RayLauncher(Launcher):
    """Hands jobs to a Ray cluster, and waits for them.

    Each has a process of its own beside Ray's worker, so that a job that is killed is a failed
    row, and only one whose node is lost goes to another.

    Args:
        ray: `init` and `remote`, what `ray.init` and `ray.remote` are given.
    """

    def __init__(self, ray: DictConfig) -> None:
        options: Any = OmegaConf.to_container(ray, resolve=True)
        self.init, self.remote = dict(options["init"]), dict(options["remote"])
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
        try:
            import ray
        except ImportError as error:
            raise ValueError("hydra/launcher=ray needs: pip install 'kdrun[ray]'") from error
        from kdrun.sweep import remote, returned
        from kdrun.sweep.jobs import commands, to_console
        from kdrun.sweep.pool import obituary

        assert self.config is not None
        assert self.hydra_context is not None
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        jobs = commands(self.hydra_context.config_loader, self.config, job_overrides)
        if not ray.is_initialized():
            ray.init(**self.init)
        quietly = to_console(self.config)
        task = ray.remote(**self.remote)(remote.execute)
        handles = {
            job: task.options(name=job.label).remote([*words, *quietly], Path.cwd(), job.run_dir)
            for job, words in jobs.items()
        }
        log.info("%d jobs handed to Ray; what they say is in their run.log", len(handles))

        def last_word(handle: Any) -> str:
            try:
                return obituary(ray.get(handle))
            except ray.exceptions.RayError as error:
                return f"its Ray task: {str(error).strip().splitlines()[-1]}"

        remote.follow(
            handles,
            is_over=lambda handle: bool(ray.wait([handle], timeout=0)[0]),
            last_word=last_word,
            cancel=ray.cancel,
            fail_fast=self.config.fail_fast,
        )
        return [returned(job) for job in jobs]
