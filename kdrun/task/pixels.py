"""How good a segmentation is: one confusion matrix of all pixels, on the device."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Scores, Tally
from kdrun.task.overlay import Overlays, as_bytes, blended

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs


class Pixels(Tally):
    """Counts over the pixels of a split that count.

    The intersection over union of a class is over the whole split, and their mean over the classes
    that occur there as a label, as the benchmarks of CamVid and Cityscapes have it.

    Args:
        classes: what they are called.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.names, self.classes = tuple(classes), len(classes)
        self.confusion = torch.zeros(self.classes**2, dtype=torch.int64)
        self.teacher: Tensor | None = None
        self.agreed = torch.zeros((), dtype=torch.int64)
        self.kept: list[Tensor] = []
        self.overlays = Overlays(blended)

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Count the pixels of one batch."""
        counts = batch.target >= 0
        target, size = batch.target[counts], batch.target.shape[1:]
        said = brought_to(student.logits, size).argmax(1)[counts]
        if self.keeps:
            self._keep(target, said, counts)
        if not self.overlays.full:
            self._show(student, teacher, batch)
        self.confusion = self.confusion.to(said.device) + self._counts(target, said)
        if teacher is not None:
            answer = brought_to(teacher.logits, size).argmax(1)[counts]
            found = self._counts(target, answer)
            self.teacher = found if self.teacher is None else self.teacher + found
            self.agreed = self.agreed.to(said.device) + (answer == said).sum()

    def _show(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Keep the first pictures, to be drawn."""
        if not isinstance(batch.input, Tensor) or batch.input.ndim != 4:
            return
        images, size = as_bytes(batch.input), batch.target.shape[1:]
        if images.shape[1:3] != size:
            return
        said = {"truth": batch.target[: len(images)].cpu()}
        for name, outputs in (("teacher", teacher), ("student", student)):
            if outputs is not None:
                scores = brought_to(outputs.logits[: len(images)], size)
                said[name] = scores.argmax(1).cpu()
        self.overlays.add(images, **said)

    def _keep(self, target: Tensor, said: Tensor, counts: Tensor) -> None:
        """One matrix for each picture."""
        places = torch.arange(len(counts), device=counts.device).view(-1, 1, 1).expand_as(counts)
        cells = self.classes**2
        each = places[counts] * cells + target * self.classes + said
        self.kept.append(torch.bincount(each, minlength=len(counts) * cells).view(-1, cells).cpu())

    def some(self, index: Tensor) -> Pixels:
        """The count of some of the pictures."""
        self.kept = [torch.cat(self.kept)]
        made = Pixels(self.names)
        made.confusion = self.kept[0][index].sum(0)
        return made

    def _counts(self, target: Tensor, prediction: Tensor) -> Tensor:
        return torch.bincount(target * self.classes + prediction, minlength=self.classes**2)

    def _matrix(self, counts: Tensor) -> Tensor:
        return counts.view(self.classes, self.classes).cpu()

    def scores(self) -> Scores:
        """The metrics of all that was counted."""
        confusion = self._matrix(self.confusion)
        total = confusion.sum().clamp(min=1).double()
        metrics = {
            "miou": mean_iou(confusion),
            "accuracy": float(confusion.diag().sum() / total),
        }
        if self.teacher is not None:
            theirs = self._matrix(self.teacher)
            metrics["teacher_miou"] = mean_iou(theirs)
            metrics["teacher_accuracy"] = float(theirs.diag().sum() / total)
            metrics["agreement"] = float(self.agreed.cpu() / total)
        return Scores(metrics, confusion)

    def predicted(self) -> dict[str, int]:
        """In how many pixels each class was predicted."""
        counts: list[int] = self._matrix(self.confusion).sum(0).tolist()
        return dict(zip(self.names, counts, strict=True))

    def write(self, folder: Path) -> None:
        """confusion.png; iou.csv, the intersection over union of each class; examples.png."""
        from kdrun.results import plots
        from kdrun.results.record import write_atomic

        confusion = self._matrix(self.confusion)
        plots.confusion(confusion.tolist(), list(self.names), folder / "confusion.png")
        each, pixels = iou(confusion).tolist(), confusion.sum(1).tolist()
        table = io.StringIO()
        lines = csv.writer(table, lineterminator="\n")
        lines.writerow(["class", "iou", "pixels"])
        for name, value, count in zip(self.names, each, pixels, strict=True):
            lines.writerow([name, f"{value:.6f}" if count else "", count])
        write_atomic(folder / "iou.csv", table.getvalue())
        self.overlays.write(folder / "examples.png")


def iou(confusion: Tensor) -> Tensor:
    """(C,): intersection over union of each class; 0 where there is no union.

    Args:
        confusion: (C, C) counts, rows are true classes and columns predictions.
    """
    counts = confusion.double()
    hit = counts.diag()
    return hit / (counts.sum(0) + counts.sum(1) - hit).clamp(min=1)


def mean_iou(confusion: Tensor) -> float:
    """Mean over the classes that occur as a label."""
    present = confusion.sum(1) > 0
    return float(iou(confusion)[present].mean()) if bool(present.any()) else 0.0


def brought_to(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps (N, C, h, w) at another size, by bilinear interpolation; downwards by means."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    if maps.shape[2] >= size[0] and maps.shape[3] >= size[1]:
        return F.adaptive_avg_pool2d(maps, (size[0], size[1]))
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def at_size(target: Tensor, size: Sequence[int]) -> Tensor:
    """(N, h, w) labels of pixels at another size, each that of the nearest pixel."""
    if tuple(target.shape[1:]) == tuple(size):
        return target
    small: Tensor = F.interpolate(target[:, None].float(), size=tuple(size), mode="nearest")
    return small[:, 0].long()
