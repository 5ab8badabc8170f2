"""`hydra/sweeper=kdrun`: every combination of the choices, less what is done.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser


class KdrunSweeper(BasicSweeper):
    """Hydra's own sweeper, with its jobs checked first, and only those begun that are not done.

    Args:
        params: choices that every sweep makes, as on the command line: `{"seed": "0,1,2"}`.
    """

    def __init__(self, params: dict[str, str] | None = None) -> None:
        super().__init__(max_batch_size=None, params=params)

    def sweep(self, arguments: list[str]) -> None:
        """Run a sweep.

        Args:
            arguments: overrides, some with several choices.

        Raises:
            ConfigError: before anything runs, with every fault of every job.
            SweepFailedError: in the end, if a job failed.
        """
        from kdrun.sweep import begin, check, estimate, launch, missing, outcome, plan
        from kdrun.sweep.jobs import Composer

        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        loader, master = self.hydra_context.config_loader, self.config
        parser = OverridesParser.create(config_loader=loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        (batch,) = self.split_arguments(overrides, None)
        compose = Composer(loader, master)
        jobs = plan(compose, batch)
        todo = missing(jobs, master.rerun)
        check(todo)
        place = estimate.where(self.launcher, todo)
        if master.dry_run:
            print(estimate.told(jobs, todo, master, place))
            return
        sweep_dir = begin(master, jobs)
        left = estimate.expect(jobs, todo, master, place)
        launch(self.launcher, compose, todo, left)
        outcome.sum_up(jobs, len(jobs) - len(todo), sweep_dir)
