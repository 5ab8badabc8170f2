"""`hydra/sweeper=kdrun_optuna`: a search over overrides that goes on where it stopped.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class OptunaSweeper(Sweeper):
    """Runs trials until there are so many of them in the study, under any launcher.

    Args:
        n_trials: in all, those of earlier commands included, however they ended.
        n_jobs: how many are asked for and launched at once; None for as many as the launcher runs.
        params: choices that every search makes, as on the command line.
        study: the other arguments of `kdrun.sweep.study.Study`.
    """

    def __init__(
        self,
        n_trials: int,
        n_jobs: int | None = None,
        params: Mapping[str, str] | None = None,
        **study: Any,
    ) -> None:
        self.n_trials, self.n_jobs, self.params = n_trials, n_jobs, dict(params or {})
        self.options = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in study.items()
        }
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.launcher: Launcher | None = None
        self.task_function: TaskFunction | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what `sweep` needs, and make the launcher."""
        from hydra.core.plugins import Plugins

        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Search.

        Args:
            arguments: overrides; those with several values make the space.

        Raises:
            ConfigError: the first trials cannot run.
            SweepFailedError: no trial ended well, or one failed and `fail_fast` is set.
        """
        from kdrun.sweep.search import search

        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        params = [f"{key}={value}" for key, value in self.params.items()]
        if self.config.dry_run:
            print(f"{self.n_trials} trials of", *params, *arguments)
            return
        search(
            OverridesParser.create().parse_overrides([*params, *arguments]),
            self.hydra_context.config_loader,
            self.config,
            self.launcher,
            self.task_function,
            n_trials=self.n_trials,
            at_once=self.n_jobs or self.config.hydra.launcher.get("n_jobs") or 1,
            **self.options,
        )
