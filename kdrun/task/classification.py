"""One class a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Doubt, Task
from kdrun.task.confusion import Confusion
from kdrun.task.metrics import BESIDE_A_CLASSIFIER, CLASSIFICATION, Metric
from kdrun.task.tally import majority

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs

SUSPECTS = (
    "Suspects: the order of its classes (teacher.classes), the normalisation of its pixels "
    "(teacher.mean, teacher.std), its stem (teacher.stem), and averaged weights "
    "(teacher.weights=ema or raw)"
)


@dataclass(frozen=True)
class Classification(Task):
    """Targets are (N,) int64 classes, -1 where unlabelled, or (N, C) probabilities after mixup.

    Logits are (N, C) scores before softmax, and are the rows.
    """

    name: ClassVar[str] = "classification"
    metrics: ClassVar[tuple[Metric, ...]] = CLASSIFICATION
    beside: ClassVar[tuple[Metric, ...]] = BESIDE_A_CLASSIFIER
    criterion: ClassVar[str] = "accuracy"
    headline: ClassVar[str] = "accuracy"
    watched: ClassVar[tuple[str, ...]] = ("accuracy", "nll")
    named: ClassVar[bool] = True
    classifies: ClassVar[bool] = True

    @property
    def width(self) -> int:
        """A column for each class."""
        return len(self.classes)

    def accept(self, targets: Tensor) -> None:
        """Refuse what are no classes, or have no names."""
        if not self.classes or by_value(targets):
            raise ValueError("classification is of classes, and the data have values")

    def strata(self, targets: Tensor) -> Tensor:
        """The class of each sample."""
        return targets

    def known(self, targets: Tensor) -> Tensor:
        """Those that are not -1."""
        return targets >= 0

    def count(self, targets: Tensor, labelled: bool) -> Tensor | int:
        """The samples, or those with a label; all have one after mixup."""
        if not labelled or targets.is_floating_point():
            return len(targets)
        return (targets >= 0).sum()

    def hidden(self, targets: Tensor) -> Tensor:
        """All -1, so that no method can read them."""
        return torch.full_like(targets, -1)

    def soft(self, targets: Tensor) -> Tensor:
        """(N, C) probabilities, 1 for the class of each sample."""
        if not self.classes:
            return super().soft(targets)
        classes = torch.arange(self.width, device=targets.device)
        return (targets[:, None] == classes).float()  # torch's one_hot waits for the device

    def present(self, targets: Tensor) -> dict[str, Any]:
        """How many samples are unlabelled, and how many each class has, if they have names."""
        if not self.classes:
            return {}
        known = targets[targets >= 0]
        counts = known.bincount(minlength=self.width).tolist()
        classes = dict(zip(self.classes, counts, strict=True))
        return {"unlabelled": len(targets) - len(known), "classes": classes}

    def supervised(
        self, outputs: Outputs, batch: Batch, smoothing: float = 0.0, scale: float = 1.0
    ) -> Tensor:
        """Cross-entropy with class indices, or with probabilities after mixup."""
        logits, target = outputs.logits, batch.target
        if target.is_floating_point():
            return F.cross_entropy(logits, target, label_smoothing=smoothing)
        total = F.cross_entropy(
            logits, target, ignore_index=-1, reduction="sum", label_smoothing=smoothing
        )
        return total / (target >= 0).sum().clamp(min=1)

    def tally(self) -> Confusion:
        """A confusion matrix, and sums beside it."""
        return Confusion(self.classes)

    def judge(self, metrics: Mapping[str, float], targets: Tensor, where: str) -> Doubt | None:
        """A teacher must be right more often than one that always says the commonest class."""
        counts = targets[targets >= 0].bincount()
        what = f"{int(counts.sum())} {where} samples"
        return majority(counts, metrics["accuracy"], self.classes, what, SUSPECTS)

    def columns(self) -> list[str]:
        """The likeliest class, its probability, and that of each."""
        return ["class", "confidence", *(f"p_{name}" for name in self.classes)]

    def answers(
        self, outputs: Outputs, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """The cells of each sample."""
        for row in outputs.logits.softmax(dim=1).cpu():
            best = int(row.argmax())
            told = [f"{p:.6f}" for p in row.tolist()]
            yield [self.classes[best], told[best], *told]

    def labels(self, targets: Tensor) -> list[str]:
        """The name of each class."""
        return ["" if label < 0 else self.classes[label] for label in targets.tolist()]

    def decisions(self) -> list[str]:
        """A column of logits for each class."""
        return list(self.classes)


def by_value(targets: Tensor) -> bool:
    """Whether targets are (N,) values, and no classes or their probabilities."""
    return targets.is_floating_point() and targets.ndim == 1


def likeliest(target: Tensor) -> Tensor:
    """(N,): the class of each sample, the likeliest after mixup, -1 where unlabelled.

    Raises:
        ValueError: the targets are those of a regression.
    """
    if target.ndim == 2:
        return target.argmax(1)
    if by_value(target):
        raise ValueError(f"targets {tuple(target.shape)} of type {target.dtype} are not classes")
    return target
