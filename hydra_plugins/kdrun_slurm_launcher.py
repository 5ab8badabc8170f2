"""`hydra/launcher=slurm`: a SLURM job for each job of a sweep, through submitit.

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

COMMON = frozenset(
    {"timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name", "stderr_to_stdout"}
)
"""Parameters that submitit knows for every executor; the others are SLURM's."""


class SlurmLauncher(CommandLauncher):
    """Queues jobs and waits for them; one that is preempted goes on when its turn comes again.

    Args:
        folder: where submitit keeps its files and the output of the jobs.
        executor: `slurm`, or `local` for processes on this machine.
        max_num_timeout: how often a job that ran out of time is queued again.
        parameters: of submitit and of sbatch; None leaves one to the cluster.
    """

    spans_machines = True

    def __init__(
        self, folder: str, executor: str = "slurm", max_num_timeout: int = 100, **parameters: Any
    ) -> None:
        self.folder, self.executor, self.max_num_timeout = folder, executor, max_num_timeout
        plain = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in parameters.items()
        }
        self.parameters = {key: value for key, value in plain.items() if value is not None}

    def run(self, config: DictConfig, jobs: Mapping[Job, Sequence[str]]) -> None:
        """Queue them as one array, and wait; see `CommandLauncher`.

        Those that an earlier command queued, and that live still, are waited for as they are.
        """
        try:
            import submitit
        except ImportError as error:
            raise ValueError("hydra/launcher=slurm needs: pip install 'kdrun[slurm]'") from error
        from kdrun.sweep import remote, slurm

        executor = submitit.AutoExecutor(
            self.folder, self.executor, slurm_max_num_timeout=self.max_num_timeout
        )
        executor.update_parameters(**self._parameters())
        queue = slurm.Queue(Path(executor.folder)) if self.executor == "slurm" else None
        handles: dict[Job, Any] = queue.adopted(jobs) if queue else {}
        told = f"; {len(handles)} were there before" if handles else ""
        new: dict[Job, Any] = {}
        if len(handles) < len(jobs):
            with executor.batch():
                new = {
                    job: executor.submit(remote.Command(words))
                    for job, words in jobs.items()
                    if job not in handles
                }
        log.info("%d jobs queued%s; what they say is in %s", len(new), told, executor.folder)
        if queue:
            queue.note(new)
        remote.follow(
            handles | new,
            is_over=queue.is_over if queue else lambda handle: bool(handle.done()),
            last_word=lambda handle: (
                f"its job {handle.job_id} ended as "
                f"{queue.state(handle) if queue else handle.state}; see {handle.paths.stderr}"
            ),
            cancel=lambda handle: handle.cancel(),
            fail_fast=config.fail_fast,
        )

    def _parameters(self) -> dict[str, Any]:
        """As submitit's `AutoExecutor` names them."""
        found = dict(self.parameters)
        if cores := found.get("cpus_per_task"):
            # From 22.05 on, srun no longer takes this over from sbatch.
            found["setup"] = [f"export SRUN_CPUS_PER_TASK={cores}", *found.get("setup", [])]
        return {key if key in COMMON else f"slurm_{key}": value for key, value in found.items()}
