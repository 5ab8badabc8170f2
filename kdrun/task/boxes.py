"""How good a detector is: mean average precision, as COCO has it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kdrun.task import Scores, Tally
from kdrun.task.overlay import Overlays, as_bytes, framed, sure
from kdrun.task.precision import SIZES, THRESHOLDS, Matches, matches, precision_of

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs


OF_SIZE = tuple(SIZES)[1:]
"""The sizes of boxes that are scored by themselves."""


class Boxes(Tally):
    """The boxes of all pictures of a split, true ones and found ones.

    Args:
        classes: what they are called.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.names = tuple(classes)
        self.true: list[Tensor] = []
        self.found: list[Tensor] = []
        self.teacher: list[Tensor] = []
        self._matches: dict[str, Matches] = {}
        self.overlays = Overlays(framed)

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Take one batch."""
        self.true += [*batch.target.cpu()]
        self.found += [*student.logits.float().cpu()]
        if teacher is not None:
            self.teacher += [*teacher.logits.float().cpu()]
        if not self.overlays.full and isinstance(batch.input, Tensor):
            images = as_bytes(batch.input)
            told = {"truth": batch.target[: len(images)].cpu()[..., :5]}
            for name, outputs in (("teacher", teacher), ("student", student)):
                if outputs is not None:
                    told[name] = sure(outputs.logits[: len(images)].float().cpu())
            self.overlays.add(images, **told)

    def by_class(self, whose: str = "student", size: str = "all") -> np.ndarray:
        """(10, C): the average precision at each overlap; NaN where a class has no such box.

        Args:
            whose: `student` or `teacher`.
            size: of `kdrun.task.precision.SIZES`.
        """
        return precision_of(self._matched(whose), size)

    def _matched(self, whose: str) -> Matches:
        if whose not in self._matches:
            found = self.found if whose == "student" else self.teacher
            self._matches[whose] = matches(self.true, found, len(self.names))
        return self._matches[whose]

    def some(self, index: Tensor) -> Boxes:
        """The count of some of the pictures, without a teacher's."""
        made = Boxes(self.names)
        made._matches["student"] = self._matched("student").some(index.tolist())
        return made

    def scores(self) -> Scores:
        """The means over the classes that have a box in the split."""
        metrics = means(self.by_class()) | self._by_size()
        if self.teacher:
            metrics |= {f"teacher_{k}": v for k, v in means(self.by_class("teacher")).items()}
        return Scores(metrics, torch.zeros(0, 0, dtype=torch.int64))

    def _by_size(self) -> dict[str, float]:
        """The means over the classes that have boxes of a size; of no size that no box has."""
        each = {size: self.by_class(size=size) for size in OF_SIZE}
        return {
            f"map_{size}": float(np.nanmean(found))
            for size, found in each.items()
            if not np.isnan(found).all()
        }

    def write(self, folder: Path) -> None:
        """ap.csv, the average precision of each class and how many boxes it has; examples.png."""
        from kdrun.results.record import write_atomic

        labels = torch.cat([rows[:, 0] for rows in self.true]).long()
        counts = labels[labels >= 0].bincount(minlength=len(self.names)).tolist()
        precision, table = self.by_class(), io.StringIO()
        sizes = [self.by_class(size=size).mean(0) for size in OF_SIZE]
        lines = csv.writer(table, lineterminator="\n")
        lines.writerow(["class", "ap", "ap50", "ap75", *(f"ap_{s}" for s in OF_SIZE), "boxes"])
        for place, (name, count) in enumerate(zip(self.names, counts, strict=True)):
            values = [*_three(precision[:, place]), *(each[place] for each in sizes)]
            cells = ["" if np.isnan(value) else f"{value:.6f}" for value in values]
            lines.writerow([name, *cells, count])
        write_atomic(folder / "ap.csv", table.getvalue())
        self.overlays.write(folder / "examples.png")


def _three(precision: np.ndarray) -> list[float]:
    """The mean over all overlaps, and those at 0.5 and 0.75."""
    at = {round(float(t), 2): n for n, t in enumerate(THRESHOLDS)}
    return [float(precision.mean()), float(precision[at[0.5]]), float(precision[at[0.75]])]


def means(precision: np.ndarray) -> dict[str, float]:
    """The metrics of a split, from (10, C) average precisions; 0 where nothing is to be found."""
    kept = precision[:, ~np.isnan(precision).any(0)]
    whole = kept.mean(1) if kept.shape[1] else np.zeros(len(THRESHOLDS))
    return dict(zip(("map", "map50", "map75"), _three(whole), strict=True))
