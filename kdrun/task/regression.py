"""One value a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Doubt, Scores, Tally, Task
from kdrun.task.metrics import BESIDE_A_REGRESSOR, REGRESSION, Metric

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs


@dataclass(frozen=True)
class Regression(Task):
    """Targets are (N,) float32 values; logits are (N, 1), in the target's unit, and are the rows.

    The network gives standard values, which `Network.unit` brings into that unit.
    """

    name: ClassVar[str] = "regression"
    metrics: ClassVar[tuple[Metric, ...]] = REGRESSION
    beside: ClassVar[tuple[Metric, ...]] = BESIDE_A_REGRESSOR
    criterion: ClassVar[str] = "r2"
    headline: ClassVar[str] = "rmse"
    watched: ClassVar[tuple[str, ...]] = ("rmse", "r2")

    @property
    def width(self) -> int:
        """One value."""
        return 1

    def accept(self, targets: Tensor) -> None:
        """Refuse what are no values."""
        if not targets.is_floating_point():
            raise ValueError("regression is of values, and the data have classes")

    def unit(self, targets: Tensor) -> tuple[float, float]:
        """Mean and deviation of the training targets."""
        values = targets.double()
        return float(values.mean()), float(values.std(correction=0)) or 1.0

    def strata(self, targets: Tensor) -> Tensor:
        """Which fifth of all values each lies in."""
        borders = targets.quantile(torch.arange(1, 5, dtype=targets.dtype) / 5)
        return torch.bucketize(targets, borders)

    def known(self, targets: Tensor) -> Tensor:
        """Those that are numbers: new rows may have no label."""
        return targets >= -torch.inf

    def over(self, classes: Sequence[str]) -> Regression:
        """Itself: it has no classes."""
        return self

    def scale(self, targets: Tensor) -> float:
        """The variance of the targets: always to answer their mean costs 1."""
        return float(targets.var(correction=0)) or 1.0

    def supervised(
        self, outputs: Outputs, batch: Batch, smoothing: float = 0.0, scale: float = 1.0
    ) -> Tensor:
        """The squared error, in units of the training targets' variance."""
        return F.mse_loss(outputs.logits.squeeze(1), batch.target) / scale

    def tally(self) -> Errors:
        """The errors of a split."""
        return Errors()

    def judge(self, metrics: Mapping[str, float], targets: Tensor, where: str) -> Doubt | None:
        """A teacher must be nearer to the values than their mean is."""
        r2 = metrics.get("r2")
        if r2 is None:
            return None
        if r2 > 0:
            return Doubt({"teacher_val_r2": r2})
        told = (
            f"has R² {r2:.3g} on {where} samples, no better than always saying their mean: it "
            "teaches nothing"
        )
        suspects = "Suspect: the unit of its values (teacher.unit=[MEAN,STD])"
        return Doubt({"teacher_val_r2": r2}, told, suspects)

    def columns(self) -> list[str]:
        """The value."""
        return ["value"]

    def answers(
        self, outputs: Outputs, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """The value of each sample."""
        for value in outputs.logits.squeeze(1).tolist():
            yield [f"{value:.6g}"]


class Errors(Tally):
    """The errors of the student, and of its teacher, over the batches of a split."""

    def __init__(self) -> None:
        self.errors: list[Tensor] = []
        self.teacher: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Take one batch."""
        known = batch.target >= -torch.inf
        target = batch.target[known]
        self.errors.append(student.logits[known].squeeze(1).double() - target)
        self.targets.append(target.double())
        if teacher is not None:
            self.teacher.append(teacher.logits[known].squeeze(1).double() - target)

    def some(self, index: Tensor) -> Errors:
        """The errors of some of the samples whose value is known."""
        made = Errors()
        made.errors, made.targets = (
            [torch.cat(x).cpu()[index]] for x in (self.errors, self.targets)
        )
        return made

    def scores(self) -> Scores:
        """The metrics of all that was taken; r2 as scikit-learn's, where targets differ at all."""
        errors, targets = torch.cat(self.errors), torch.cat(self.targets)
        metrics = {
            "mae": float(errors.abs().mean()),
            "rmse": float(errors.square().mean().sqrt()),
        }
        if spread := float(targets.var(correction=0)):
            metrics["r2"] = 1 - float(errors.square().mean()) / spread
        if self.teacher:
            metrics["teacher_rmse"] = float(torch.cat(self.teacher).square().mean().sqrt())
        return Scores(metrics, torch.zeros(0, 0, dtype=torch.int64))
