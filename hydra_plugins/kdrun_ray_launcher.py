"""`hydra/launcher=ray`: a Ray task for each job of a sweep.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from hydra_plugins._commands import CommandLauncher

if TYPE_CHECKING:
    from kdrun.sweep.jobs import Job

log = logging.getLogger(__name__)


class RayLauncher(CommandLauncher):
    """Hands jobs to a Ray cluster, and waits for them.

    Each has a process of its own beside Ray's worker, so that a job that is killed is a failed
    row, and only one whose node is lost goes to another.

    Args:
        ray: `init` and `remote`, what `ray.init` and `ray.remote` are given.
    """

    def __init__(self, ray: DictConfig) -> None:
        options: Any = OmegaConf.to_container(ray, resolve=True)
        self.init, self.remote = dict(options["init"]), dict(options["remote"])

    def run(self, config: DictConfig, jobs: Mapping[Job, Sequence[str]]) -> None:
        """A task for each; see `CommandLauncher`."""
        try:
            import ray
        except ImportError as error:
            raise ValueError("hydra/launcher=ray needs: pip install 'kdrun[ray]'") from error
        from kdrun.parallel.process import obituary
        from kdrun.security import trust
        from kdrun.sweep import remote
        from kdrun.sweep.jobs import to_console

        if not ray.is_initialized():
            ray.init(**self.init)
        quietly = to_console(config)
        typed = trust.words()

        def place(job: Job) -> tuple[Path, Path, list[str]]:
            return Path.cwd(), job.run_dir, typed

        task = ray.remote(**self.remote)(remote.execute)
        handles = {
            job: task.options(name=job.label).remote([*words, *quietly], *place(job))
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
            fail_fast=config.fail_fast,
        )
