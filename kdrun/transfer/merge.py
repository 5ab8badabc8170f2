"""Knowledge merged: between the source's weights and the fine-tuned ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from kdrun.model.features import Network, Student
from kdrun.results.table import Row
from kdrun.transfer import Measure, Source, better
from kdrun.transfer.arithmetic import State, combine, snapshot
from kdrun.transfer.fine_tune import FineTune
from kdrun.transfer.freeze_backbone import Probe
from kdrun.types import Loader

log = logging.getLogger(__name__)


class Merge(FineTune):
    """Fine-tune, then go only a part of the way: WiSE-FT.

        w = (1 − a) w⁰ + a w¹

    Every coefficient is measured on the validation split, in merge.csv, and the best one is taken;
    the test split is read for that one only. Both ends have the source's statistics of batch norm,
    unless they are let go: a mean of statistics is not those of the mean network.

    Wortsman et al., CVPR 2022.
    https://arxiv.org/abs/2109.01903

    Args:
        coefficients: which a to measure.
        classifier: see `Probe`.
        regressor: likewise.
        coefficient: the a that is taken; None for the best on the validation split, or a half, as
            the paper advises, where there is none.
        head: both ends need one classifier. `keep` the source's, or `probe`: begin with one that
            is fitted, as lp_ft does. Where the source lacks a class, it is always fitted.
        cache: see `Probe`.
        layer_decay: see `FineTune`.
        unfreeze: likewise.
        l2_sp: likewise.
        l2_sp_head: likewise.
        freeze_statistics: likewise.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        coefficients: Sequence[float],
        classifier: Any,
        regressor: Any,
        coefficient: float | None = None,
        head: Literal["keep", "probe"] = "keep",
        cache: Path | None = None,
        layer_decay: float = 1.0,
        unfreeze: int = 0,
        l2_sp: float = 0.0,
        l2_sp_head: float = 0.0,
        freeze_statistics: bool = True,
    ) -> None:
        super().__init__("keep", layer_decay, unfreeze, l2_sp, l2_sp_head, freeze_statistics)
        given = [*coefficients, *([] if coefficient is None else [coefficient])]
        if not given or not all(0 <= a <= 1 for a in given):
            raise ValueError(
                f"transfer.coefficients={list(coefficients)}, transfer.coefficient={coefficient}: "
                "give numbers from 0, the source, to 1, the fine-tuned."
            )
        self.coefficients, self.coefficient = sorted(set(given)), coefficient
        self.probe = Probe(classifier, regressor, cache)
        self.probes = head == "probe"
        self._origin: State = {}

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's model, remembered; see `Strategy`."""
        student = super().__call__(student, source, loader)
        unknown = self.report.get("classes", 0) - self.report.get("classes_kept", 0)
        if unknown or source is None or self.probes:
            log.info("the classifier at the start is a linear probe")
            self.probe.fit(student, loader)
        self._origin = snapshot(student)
        return student

    def finish(self, student: Student, measure: Measure) -> list[Row]:
        """Measure every coefficient, and leave the student at one of them."""
        super().finish(student, measure)
        network = student.inner
        tuned = snapshot(network)

        def go(a: float) -> None:
            network.load_state_dict(combine([self._origin, tuned], [1 - a, a]))

        rows: list[Row] = []
        for a in self.coefficients:
            go(a)
            rows.append({"coefficient": a, **measure(student)})
        taken, why = self.coefficient, "as given"
        if taken is None:
            best = better(rows, self.task)
            taken, why = (
                (0.5, "no validation split")
                if best is None
                else (
                    self.coefficients[best],
                    "best on the validation split",
                )
            )
        go(taken)
        log.info("coefficient %g: %s", taken, why)
        self.report = {**self.report, "coefficient": taken, "chosen": why}
        return rows
