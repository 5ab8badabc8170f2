"""A search over overrides: trials are drawn, launched and told until there are enough of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from kdrun.config.validate import ConfigError, parts
from kdrun.sweep import begin, in_process, launch, missing, taken
from kdrun.sweep.jobs import LAUNCHER, SWEEPER, Composer, Job, retyped, settle
from kdrun.sweep.outcome import SweepFailedError, record_of
from kdrun.sweep.study import Study, Trial

log = logging.getLogger(__name__)


def search(
    overrides: Sequence[Override],
    loader: ConfigLoader,
    master: DictConfig,
    launcher: Launcher,
    task: Any,
    *,
    n_trials: int,
    at_once: int,
    **options: Any,
) -> None:
    """Run trials until a study has so many, and print the best.

    Args:
        overrides: parsed; those with several values make the space.
        loader: Hydra's.
        master: the config of the sweep.
        launcher: any of Hydra's.
        task: `kdrun.run.calls.Runs`, which an in-process launcher calls; by its `watch` a trial
            is pruned.
        n_trials: in all, those of earlier commands included.
        at_once: how many are drawn and launched together.
        options: of `Study`.

    Raises:
        ConfigError: none of the first trials can run.
        SweepFailedError: none ended well, or one failed and `fail_fast` is set.
    """
    study = Study(overrides, begin(master, []), **options)
    trials = _Search(study, Composer(loader, master), master, launcher, task)
    # Those that a living process is at are its own.
    left = [trial for trial in study.left_over() if not taken(trials.job(trial).run_dir)]
    while left or len(study) < n_trials:
        batch, left = left[:at_once], left[at_once:]
        while len(batch) < at_once and len(study) < n_trials:
            batch.append(study.ask())
        trials.run(batch)
    print(study.told(retyped(master, *LAUNCHER, *SWEEPER)))
    if not study.best():
        raise SweepFailedError("no trial ended well")


class _Search:
    """Launches trials."""

    def __init__(
        self, study: Study, compose: Composer, master: DictConfig, launcher: Launcher, task: Any
    ) -> None:
        self.study, self.compose, self.master = study, compose, master
        self.launcher, self.task = launcher, task

    def job(self, trial: Trial) -> Job:
        """The job of a trial."""
        label = f"trial {trial.number}: {' '.join(trial.own)}"
        return settle(trial.words, label, self.compose(trial.words))

    def run(self, batch: Sequence[Trial]) -> None:
        """Launch trials together, and let the study know what came of them."""
        jobs = self._checked(batch)
        if in_process(self.launcher):
            for trial in batch:
                if job := jobs.get(trial.number):
                    self.task.watch = self.study.watch(trial)
                    launch(self.launcher, self.compose, [job])
                    self._tell(trial, job)
            self.task.failed.clear()  # a search may fail here and there
            return
        launch(self.launcher, self.compose, missing(jobs.values(), self.master.rerun))
        for trial in batch:
            if job := jobs.get(trial.number):
                self._tell(trial, job)

    def _checked(self, batch: Sequence[Trial]) -> dict[int, Job]:
        """The jobs of the trials that can run, by number; the others fail."""
        jobs, faults = {}, []
        for trial in batch:
            try:
                job = self.job(trial)
                assert job.config is not None
                found = parts(job.config)
            except (HydraException, OmegaConfBaseException) as error:
                found = [str(error)]
            if found:
                told = self.study.tell(trial, None)
                log.error("trial %d %s%s", trial.number, told, "; ".join(found))
                faults += found
            else:
                jobs[trial.number] = job
        # What no trial has got past yet is the user's mistake, not bad luck.
        if faults and not jobs and not self.study.best():
            raise ConfigError(faults)
        return jobs

    def _tell(self, trial: Trial, job: Job) -> None:
        told = self.study.tell(trial, record_of(job))
        log.info("%s: %s", job.label, told)
        if self.master.fail_fast and told.startswith("failed"):
            raise SweepFailedError(f"{job.label}: {told}")
