"""What kdrun's launchers share. Hydra looks for no plugins in a module with such a name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn, configure_log
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from kdrun.sweep.forecast import Place
    from kdrun.sweep.jobs import Job
    from kdrun.sweep.left import Left


class KdrunLauncher(Launcher):
    """A launcher whose jobs are runs of kdrun, which need not be handed to it as a function."""

    config: DictConfig | None = None
    hydra_context: HydraContext | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what `launch` needs. The task is not called: it does one job at a time."""
        self.config, self.hydra_context = config, hydra_context


class CommandLauncher(KdrunLauncher):
    """A launcher that hands over the command of each job, which a process of its own executes."""

    spans_machines = False
    """Whether a job may be for several machines."""

    left: Left | None = None
    """Told of each job that is over, it says how long the others will take."""

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
        from kdrun.sweep.jobs import commands
        from kdrun.sweep.outcome import returned

        assert self.config is not None
        assert self.hydra_context is not None
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        jobs = commands(self.hydra_context.config_loader, self.config, job_overrides)
        self.run(self.config, jobs)
        return [returned(job) for job in jobs]

    def place(self, devices: int) -> Place | None:
        """How jobs are executed, if that is on this machine; else None.

        Args:
            devices: how many GPUs a process needs.

        Raises:
            ValueError: an option does not fit; the message says which.
        """
        return None

    @abstractmethod
    def run(self, config: DictConfig, jobs: Mapping[Job, Sequence[str]]) -> None:
        """Run jobs to the end, each with a record, whatever became of it.

        Args:
            config: of the sweep.
            jobs: with what is typed after `kdrun` for each.

        Raises:
            ValueError: a library is missing, or an option does not fit; the message says which.
        """
