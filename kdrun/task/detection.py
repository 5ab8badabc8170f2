"""Boxes of things in a picture, each with a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from kdrun.task import Doubt, Task
from kdrun.task.boxes import Boxes
from kdrun.task.metrics import BESIDE_A_DETECTOR, DETECTION, Metric

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs, Shape

FIELDS = 6
"""Numbers of a box: in targets its class, left, top, right, bottom, and whether it is a crowd."""

NOTHING = 0.01
"""A teacher whose mAP at an overlap of one half is no more than that has found nothing."""


@dataclass(frozen=True)
class Detection(Task):
    """Targets are (N, M, 6) float32: class, left, top, right, bottom in pixels, 1 for a crowd.

    A picture has up to M boxes, maybe none; rows without one have the class -1. A crowd is a region
    of many things of a class: nothing is learnt of it, and what is found in it is neither right nor
    wrong, as COCO has it. Logits are (N, D, 6): class, score, left, top, right, bottom of what is
    found, best first, -1 where there is no more. A detector computes its supervised term by itself.

    Attributes:
        numbers: of the classes, in files of COCO; empty for 1, 2, ...
    """

    numbers: tuple[int, ...] = ()

    name: ClassVar[str] = "detection"
    metrics: ClassVar[tuple[Metric, ...]] = DETECTION
    beside: ClassVar[tuple[Metric, ...]] = BESIDE_A_DETECTOR
    criterion: ClassVar[str] = "map"
    headline: ClassVar[str] = "map"
    watched: ClassVar[tuple[str, ...]] = ("map", "map50")
    boxed: ClassVar[bool] = True
    rowless: ClassVar[str] = (
        "compares rows of logits, and a detector's boxes are of varying number, so that none "
        "belongs to another: take pkd, fgd or cwd on features, or response or crosskd on heads"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", tuple(int(number) for number in self.numbers))

    @property
    def width(self) -> int:
        """A score for each class."""
        return len(self.classes)

    def check(self, logits: object, shape: Shape) -> None:
        """Refuse an output that is no list of boxes."""
        size = getattr(logits, "shape", None)
        got = type(logits).__name__ if size is None else tuple(size)
        if size is None or len(size) != 3 or size[0] != 2 or size[2] != FIELDS:
            raise ValueError(
                f"gives {got} for two pictures of shape {shape}, needed is (2, D, {FIELDS}), boxes "
                "with class and score: take a detector, such as student=fcos_resnet18"
            )

    def accept(self, targets: Tensor) -> None:
        """Refuse what are no boxes."""
        boxes = targets.ndim == 3 and targets.shape[2] == FIELDS and targets.is_floating_point()
        if not boxes or not self.classes:
            raise ValueError(
                f"detection is of (N, M, {FIELDS}) boxes, and the data have "
                f"{tuple(targets.shape)}: take dataset=coco, or dataset=shapes "
                "dataset.task=detection"
            )

    def soft(self, targets: Tensor) -> Tensor:
        """Refused: a mean of two boxes is no box."""
        raise ValueError("augment.mixup mixes the labels of samples, not boxes: set it to 0.")

    def present(self, targets: Tensor) -> dict[str, Any]:
        """How many boxes each class has, and pictures that have none."""
        labels = targets[..., 0].long()
        counts = labels[labels >= 0].bincount(minlength=self.width).tolist()
        return {
            "unlabelled": 0,
            "empty": int((labels < 0).all(1).sum()),
            "boxes": dict(zip(self.classes, counts, strict=True)),
        }

    def supervised(
        self, outputs: Outputs, batch: Batch, smoothing: float = 0.0, scale: float = 1.0
    ) -> Tensor:
        """The detector's own term, over the boxes that are no crowd.

        Raises:
            ValueError: labels are to be smoothed, or the network has no such term.
        """
        if smoothing:
            raise ValueError("train.label_smoothing is of classes; of boxes, set it to 0")
        if outputs.loss is None:
            raise ValueError(
                "the network gives no loss of its own, as a detector does in training: its "
                "`forward` has to name `targets`"
            )
        return outputs.loss

    def tally(self) -> Boxes:
        """Boxes of all pictures."""
        return Boxes(self.classes)

    def judge(self, metrics: Mapping[str, float], targets: Tensor, where: str) -> Doubt | None:
        """A teacher must find something."""
        found = metrics.get("map50", 0.0)
        columns = {"teacher_val_map": metrics.get("map", 0.0)}
        if found > NOTHING:
            return Doubt(columns)
        told = f"finds next to nothing of {where} pictures, mAP50 {found:.1%}: it teaches nothing"
        return Doubt(columns, told, remedy="train it longer, or take another")

    def columns(self) -> list[str]:
        """How many boxes were found, the best one's class and score, and all of them as JSON."""
        return ["boxes", "best", "score", "found"]

    def answers(
        self, outputs: Outputs, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """The boxes of each picture, in its pixels where `Task.shown` knows them."""
        import json

        for found in outputs.logits.cpu():
            kept = found[found[:, 0] >= 0]
            rows = [
                [self.classes[int(row[0])], *(round(value, 4) for value in row[1:].tolist())]
                for row in kept
            ]
            best = [rows[0][0], f"{rows[0][1]:.4f}"] if rows else ["", ""]
            yield [str(len(rows)), *map(str, best), json.dumps(rows)]

    def number(self, label: int) -> int:
        """The number of a class in files of COCO."""
        return self.numbers[label] if self.numbers else label + 1

    def labels(self, targets: Tensor) -> list[str]:
        """None that fits a cell."""
        return [""] * len(targets)


def real(targets: Tensor) -> list[dict[str, Tensor]]:
    """The boxes of each picture that are learnt from, as torchvision wants them.

    Args:
        targets: (N, M, 6).

    Returns:
        N dicts of `boxes` (K, 4) and `labels` (K,) int64.
    """
    found = []
    for rows in targets:
        kept = rows[(rows[:, 0] >= 0) & (rows[:, 5] == 0)]
        found.append({"boxes": kept[:, 1:5], "labels": kept[:, 0].long()})
    return found


def stacked(pictures: Sequence[Sequence[Sequence[float]]], most: int | None = None) -> Tensor:
    """Targets of pictures with so many boxes each.

    Args:
        pictures: of each, its boxes of six numbers.
        most: M; None for as many as the fullest has, at least 1.
    """
    most = max([1, *map(len, pictures)]) if most is None else most
    targets = torch.zeros(len(pictures), most, FIELDS)
    targets[..., 0] = -1
    for place, boxes in enumerate(pictures):
        if boxes:
            targets[place, : len(boxes)] = torch.tensor(boxes)
    return targets
