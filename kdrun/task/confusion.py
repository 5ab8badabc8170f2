"""How good a classifier is, how well calibrated, and how like its teacher: counts on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.results.record import write_atomic
from kdrun.results.table import Row, to_csv
from kdrun.task import Scores, Tally

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs

CLASSES = ("class", "support", "predicted", "precision", "recall", "f1")
"""The columns of classes.csv; support is how many samples the split has of a class."""

BINS = 15
"""Equal-width confidence bins of the calibration error (Guo et al., 2017)."""


class _Answers(NamedTuple):
    """What counts of the answers about N samples, each (N,).

    Attributes:
        target: the right class.
        prediction: the likeliest.
        top5: whether the right one is among the five likeliest.
        nll: its negative log-likelihood.
        confidence: the probability of the likeliest.
    """

    target: Tensor
    prediction: Tensor
    top5: Tensor
    nll: Tensor
    confidence: Tensor


class Confusion(Tally):
    """Counts over the batches of a split: one confusion matrix, and sums beside it.

    Precision, recall and F1 are means over the classes that occur as a label or as a prediction,
    as scikit-learn's `average="macro"`.

    Args:
        classes: what they are called.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.names, self.classes = tuple(classes), len(classes)
        self.confusion = torch.zeros(self.classes**2, dtype=torch.int64)
        self.teacher: Tensor | None = None
        self.sums: dict[str, Tensor] = {}
        self.bins = torch.zeros(3, BINS, dtype=torch.float64)
        self.kept: list[_Answers] = []

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Count the labelled samples of one batch."""
        labelled = batch.target >= 0
        logits, target = student.logits[labelled], batch.target[labelled]
        self._add(logits, target)
        if teacher is not None:
            self._add_teacher(logits, teacher.logits[labelled], target)

    def _sum(self, name: str, values: Tensor) -> None:
        self.sums[name] = self.sums.get(name, 0.0) + values.sum(dtype=torch.float64)

    def _counts(self, target: Tensor, prediction: Tensor) -> Tensor:
        return torch.bincount(target * self.classes + prediction, minlength=self.classes**2)

    def _add(self, logits: Tensor, target: Tensor) -> None:
        log_p = F.log_softmax(logits, dim=1)
        confidence, prediction = log_p.exp().max(dim=1)
        top = logits.topk(min(5, self.classes), dim=1).indices
        hit = (top == target[:, None]).any(dim=1)
        nll = -log_p.gather(1, target[:, None]).squeeze(1)
        self._count(_Answers(target, prediction, hit, nll, confidence))

    def _count(self, answers: _Answers) -> None:
        if self.keeps:
            self.kept.append(answers)
        target, prediction, hit, nll, confidence = answers
        if self.confusion.device != target.device:
            self.confusion = self.confusion.to(target.device)
            self.bins = self.bins.to(target.device)
        self.confusion += self._counts(target, prediction)
        self._sum("nll", nll)
        self._sum("top5", hit)
        index = (confidence * BINS).ceil().long().sub(1).clamp(0, BINS - 1)
        right = prediction == target
        counts = torch.stack([torch.ones_like(confidence), confidence, right.float()])
        self.bins.index_add_(1, index, counts.double())

    def some(self, index: Tensor) -> Confusion:
        """The count of some of the labelled samples."""
        if len(self.kept) > 1:
            self.kept = [
                _Answers(*(torch.cat(parts).cpu() for parts in zip(*self.kept, strict=True)))
            ]
        made = Confusion(self.names)
        made._count(_Answers(*(values.cpu()[index] for values in self.kept[0])))
        return made

    def _add_teacher(self, student: Tensor, teacher: Tensor, target: Tensor) -> None:
        answer = teacher.argmax(dim=1)
        counts = self._counts(target, answer)
        self.teacher = counts if self.teacher is None else self.teacher + counts
        self._sum("teacher_accuracy", answer == target)
        said = student.argmax(dim=1)
        self._sum("agreement", answer == said)
        self._sum("beyond", (answer != target) & (said == target))
        log_p, log_q = F.log_softmax(student, dim=1), F.log_softmax(teacher, dim=1)
        self._sum("kl_to_teacher", F.kl_div(log_p, log_q, reduction="none", log_target=True))

    def scores(self) -> Scores:
        """The metrics of all that was counted.

        accuracy_where_teacher_wrong is there if the teacher is ever wrong.
        """
        confusion = self._matrix()
        total = confusion.sum().clamp(min=1).double()
        size, confidence, right = self.bins.cpu()
        metrics = {"accuracy": confusion.diag().sum() / total, **macro(confusion)}
        each, true = per_class(confusion), confusion.sum(1) > 0
        metrics["balanced_accuracy"] = each["recall"][true].mean() if true.any() else 0 * total
        if self.teacher is not None:
            metrics["teacher_f1"] = macro(self.teacher.view_as(confusion).cpu())["f1"]
        metrics |= {name: value.cpu() / total for name, value in self.sums.items()}
        if "beyond" in metrics:
            beyond, wrong = metrics.pop("beyond"), 1 - metrics["teacher_accuracy"]
            if wrong > 0:
                metrics["accuracy_where_teacher_wrong"] = beyond / wrong
        metrics["ece"] = (confidence - right).abs().sum() / size.sum().clamp(min=1)
        return Scores({name: float(value) for name, value in metrics.items()}, confusion)

    def _matrix(self) -> Tensor:
        return self.confusion.view(self.classes, self.classes).cpu()

    def predicted(self) -> dict[str, int]:
        """How often each class was predicted."""
        counts: list[int] = self._matrix().sum(0).tolist()
        return dict(zip(self.names, counts, strict=True))

    def write(self, folder: Path) -> None:
        """confusion.png, confusion.csv, and classes.csv: a row for each class."""
        from kdrun.results import plots

        plots.confusion(self._matrix().tolist(), list(self.names), folder / "confusion.png")
        self._write_table(folder / "confusion.csv")
        found = {name: values.tolist() for name, values in per_class(self._matrix()).items()}
        support, said = self._matrix().sum(1).tolist(), self._matrix().sum(0).tolist()
        rows: list[Row] = [
            {"class": name, "support": support[place], "predicted": said[place]}
            | {
                key: _defined(key, values[place], support[place], said[place])
                for key, values in found.items()
            }
            for place, name in enumerate(self.names)
        ]
        write_atomic(folder / "classes.csv", to_csv(rows, CLASSES))

    def write_validation(self, folder: Path) -> None:
        """confusion_val.csv."""
        self._write_table(folder / "confusion_val.csv")

    def _write_table(self, path: Path) -> None:
        """The matrix: a row for each true class, a column for each that was predicted."""
        counts = self._matrix().tolist()
        rows: list[Row] = [
            {"class": name} | {f"as_{other}": row[at] for at, other in enumerate(self.names)}
            for name, row in zip(self.names, counts, strict=True)
        ]
        write_atomic(path, to_csv(rows, ["class"]))


def macro(confusion: Tensor) -> dict[str, Tensor]:
    """Means over the classes that occur, as a label or as a prediction.

    Args:
        confusion: (C, C) counts, rows are true classes and columns predictions.
    """
    present = (confusion.sum(1) + confusion.sum(0)) > 0
    return {name: values[present].mean() for name, values in per_class(confusion).items()}


def per_class(confusion: Tensor) -> dict[str, Tensor]:
    """(C,) float64 precision, recall and f1 of each class; 0 where one is not defined.

    Args:
        confusion: as in `macro`.
    """
    counts = confusion.double()
    hit, true, said = counts.diag(), counts.sum(1), counts.sum(0)
    return {
        "precision": hit / said.clamp(min=1),
        "recall": hit / true.clamp(min=1),
        "f1": 2 * hit / (true + said).clamp(min=1),
    }


def _defined(name: str, value: float, true: int, said: int) -> float | None:
    """A number of a class; None where it would be a quotient of nothing."""
    over = {"precision": said, "recall": true, "f1": true + said}[name]
    return value if over else None
