"""Model soup: the mean of several fine-tuned runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import ClassVar

from kdrun.model.features import Network, Student
from kdrun.results.table import Row
from kdrun.transfer import Measure, Source, Strategy, better
from kdrun.transfer.arithmetic import State, combine, read_run, same_start
from kdrun.types import Loader

log = logging.getLogger(__name__)


class Soup(Strategy):
    """Average the weights of runs that were fine-tuned from one start with other settings.

    Nothing is trained. Wortsman et al., ICML 2022. https://arxiv.org/abs/2203.05482

    Args:
        runs: their folders.
        greedy: take them by falling accuracy on the validation split, and leave out whom the mean
            is worse with; otherwise all are taken.

    Raises:
        ValueError: there are fewer than two runs.
    """

    epochs: ClassVar[int | None] = 0  # type: ignore[misc]

    def __init__(self, runs: Sequence[str], greedy: bool = False) -> None:
        if len(set(runs)) < 2:
            raise ValueError(f"transfer.runs={list(runs)}: give the folders of two runs or more.")
        self.runs, self.greedy = list(runs), greedy
        self._states: Sequence[State] = ()

    def check(self, student: Network) -> None:
        """Read the runs; see `Strategy`."""
        self._states, starts = zip(*(read_run(run, student) for run in self.runs), strict=True)
        same_start(self.runs, starts, starts[0], self.runs[0])

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The mean of all runs; see `Strategy`."""
        self._pour(student, self._states)
        return student

    def _pour(self, network: Network, states: Sequence[State]) -> None:
        network.load_state_dict(combine(states, [1 / len(states)] * len(states)))

    def finish(self, student: Student, measure: Measure) -> list[Row]:
        """Measure each run and, if the soup is greedy, each addition to it.

        Raises:
            ValueError: it is to be greedy, and there is no validation split.
        """
        network, rows = student.inner, []
        for run, state in zip(self.runs, self._states, strict=True):
            self._pour(network, [state])
            rows.append({"run": run, **measure(student)})
        chosen = list(range(len(self.runs)))
        if self.greedy:
            chosen = self._choose(student, measure, rows)
        self._pour(network, [self._states[i] for i in chosen])
        for position, row in enumerate(rows):
            row["in_soup"] = int(position in chosen)
        rows.append({"run": "soup", **measure(student), "in_soup": len(chosen)})
        log.info("%d of %d runs are in the soup", len(chosen), len(rows) - 1)
        self.report = {**self.report, "runs": [self.runs[i] for i in chosen]}
        return rows

    def _choose(self, student: Student, measure: Measure, rows: Sequence[Row]) -> list[int]:
        waiting, chosen = list(range(len(rows))), list[int]()
        kept: Row = {}
        while waiting:
            best = better([rows[i] for i in waiting], self.task)
            if best is None:
                raise ValueError(
                    "transfer.greedy=true chooses on the validation split, and there is none: set "
                    "dataset.val_fraction, or greedy=false."
                )
            trial = [*chosen, waiting.pop(best)]
            self._pour(student.inner, [self._states[i] for i in trial])
            row = measure(student)
            if not kept or better([row, kept], self.task) == 0:
                chosen, kept = trial, row
        return chosen
