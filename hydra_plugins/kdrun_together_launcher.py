"""`hydra/launcher=together`: jobs that learn from the same batches, side by side in one process.

Hydra imports this at the start of every application that finds it, so it imports nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.utils import JobReturn, configure_log

from hydra_plugins._commands import KdrunLauncher


class TogetherLauncher(KdrunLauncher):
    """Trains the jobs of a sweep step by step, those at once that learn from the same batches.

    Args:
        n_jobs: how many at once, at most.
    """

    def __init__(self, n_jobs: int = 8) -> None:
        self.n_jobs = n_jobs

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs to the end.

        Args:
            job_overrides: the overrides of each.
            initial_job_idx: the number of the first; jobs are known by their folders here.

        Returns:
            For each job its validation accuracy, or None if it failed, which its record tells.

        Raises:
            ValueError: an option does not fit; the message says which.
        """
        from kdrun.sweep.outcome import returned
        from kdrun.sweep.together import Together

        assert self.config is not None
        assert self.hydra_context is not None
        if self.n_jobs < 1:
            raise ValueError(f"hydra.launcher.n_jobs={self.n_jobs}: must be at least 1")
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        together = Together(self.hydra_context, self.config, self.n_jobs)
        return [returned(job) for job in together.run(job_overrides)]
