"""How good a model is, how well calibrated, how like its teacher, and what it costs."""

from __future__ import annotations

import copy
import resource
import sys
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from kdrun.model.features import Network
from kdrun.score.latency import latency, noise
from kdrun.types import Loader, Outputs, Shape

BINS = 15
"""Equal-width confidence bins of the calibration error (Guo et al., 2017)."""

TEACHER_METRICS = (
    *("teacher_accuracy", "teacher_f1", "agreement", "kl_to_teacher"),
    "accuracy_where_teacher_wrong",
    "teacher_rmse",
)
"""Metrics that `evaluate` adds where there is a teacher."""


class Scores(NamedTuple):
    """What one pass over a split says of a model.

    Attributes:
        metrics: accuracy, top5, precision, recall, f1, nll, ece; with a teacher also
            teacher_accuracy, teacher_f1, agreement, kl_to_teacher and, if the teacher is ever
            wrong, accuracy_where_teacher_wrong. In regression mae, rmse and r2; with a teacher also
            teacher_rmse.
        confusion: (C, C) counts, rows are true classes and columns predictions; C = 0 in
            regression.
    """

    metrics: dict[str, float]
    confusion: Tensor


@torch.no_grad()
def evaluate(
    model: nn.Module, loader: Loader, num_classes: int, teacher: nn.Module | None = None
) -> Scores:
    """Score a model on every labelled sample of a split.

    All counts stay on the device until the end. Precision, recall and F1 are means over the
    classes that occur as a label or as a prediction, as scikit-learn's `average="macro"`.

    Args:
        model: from `Batch` to `Outputs`; put into evaluation mode, and back.
        loader: the split.
        num_classes: C, or 0 in regression.
        teacher: likewise, to be agreed with.
    """
    was_training = model.training
    model.eval()
    tally = _Tally(num_classes) if num_classes else _Errors()
    for batch in loader.epoch(0):
        labelled = batch.target >= (0 if num_classes else -torch.inf)
        student = model(batch).logits[labelled]
        tally.add(student, batch.target[labelled])
        if teacher is not None:
            tally.add_teacher(student, teacher(batch).logits[labelled], batch.target[labelled])
    model.train(was_training)
    return tally.scores()


class _Tally:
    """Counts over the batches of a split."""

    def __init__(self, num_classes: int) -> None:
        self.classes = num_classes
        self.confusion = torch.zeros(num_classes**2, dtype=torch.int64)
        self.teacher: Tensor | None = None
        self.sums: dict[str, Tensor] = {}
        self.bins = torch.zeros(3, BINS, dtype=torch.float64)

    def _sum(self, name: str, values: Tensor) -> None:
        self.sums[name] = self.sums.get(name, 0.0) + values.sum(dtype=torch.float64)

    def _counts(self, target: Tensor, prediction: Tensor) -> Tensor:
        return torch.bincount(target * self.classes + prediction, minlength=self.classes**2)

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Count one batch of the student."""
        if self.confusion.device != logits.device:
            self.confusion, self.bins = (
                self.confusion.to(logits.device),
                self.bins.to(logits.device),
            )
        log_p = F.log_softmax(logits, dim=1)
        confidence, prediction = log_p.exp().max(dim=1)
        right = prediction == target
        self.confusion += self._counts(target, prediction)
        self._sum("nll", -log_p.gather(1, target[:, None]))
        top = logits.topk(min(5, self.classes), dim=1).indices
        self._sum("top5", (top == target[:, None]).any(dim=1))
        index = (confidence * BINS).ceil().long().sub(1).clamp(0, BINS - 1)
        counts = torch.stack([torch.ones_like(confidence), confidence, right.float()])
        self.bins.index_add_(1, index, counts.double())

    def add_teacher(self, student: Tensor, teacher: Tensor, target: Tensor) -> None:
        """Count how far the student follows its teacher on one batch."""
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
        """The metrics of all that was counted."""
        confusion = self.confusion.view(self.classes, self.classes).cpu()
        total = confusion.sum().clamp(min=1).double()
        size, confidence, right = self.bins.cpu()
        metrics = {"accuracy": confusion.diag().sum() / total, **_macro(confusion)}
        if self.teacher is not None:
            metrics["teacher_f1"] = _macro(self.teacher.view_as(confusion).cpu())["f1"]
        metrics |= {name: value.cpu() / total for name, value in self.sums.items()}
        if "beyond" in metrics:
            beyond, wrong = metrics.pop("beyond"), 1 - metrics["teacher_accuracy"]
            if wrong > 0:
                metrics["accuracy_where_teacher_wrong"] = beyond / wrong
        metrics["ece"] = (confidence - right).abs().sum() / size.sum().clamp(min=1)
        return Scores({name: float(value) for name, value in metrics.items()}, confusion)


def _macro(confusion: Tensor) -> dict[str, Tensor]:
    """Means over the classes that occur, as a label or as a prediction."""
    counts = confusion.double()
    hit, true, said = counts.diag(), counts.sum(1), counts.sum(0)
    present = (true + said) > 0
    each = {
        "precision": hit / said.clamp(min=1),
        "recall": hit / true.clamp(min=1),
        "f1": 2 * hit / (true + said).clamp(min=1),
    }
    return {name: values[present].mean() for name, values in each.items()}


class _Errors:
    """Sums over the batches of a split, in regression."""

    def __init__(self) -> None:
        self.errors: list[Tensor] = []
        self.teacher: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, values: Tensor, target: Tensor) -> None:
        """Take one batch of the student."""
        self.errors.append(values.squeeze(1).double() - target)
        self.targets.append(target.double())

    def add_teacher(self, student: Tensor, teacher: Tensor, target: Tensor) -> None:
        """Take what its teacher says of the same batch."""
        self.teacher.append(teacher.squeeze(1).double() - target)

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


def ratio(part: float, whole: float) -> float | None:
    """Their quotient; nothing where it is not defined."""
    return part / whole if whole else None


def parameters(model: nn.Module) -> int:
    """The number of parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, shape: Shape) -> int:
    """Multiply-accumulates of one sample in convolutions and matrix products, from a dry run.

    They are counted in float32, whatever the model computes in: the meta device has no autocast.
    """
    # transformers looks at the mask of a text, which has to be there.
    device = torch.device("cpu" if isinstance(shape, dict) else "meta")
    dry = copy.deepcopy(model).float().eval().to(device)
    for part in dry.modules():  # all there are: a stack holds two networks
        if isinstance(part, Network):
            part.dtype = None
    plain = sdpa_kernel(SDPBackend.MATH)  # of the fused ones not all are counted
    with FlopCounterMode(display=False) as counter, torch.no_grad(), plain:
        dry(noise(shape, 1, device))
    return int(counter.get_total_flops()) // 2


def cost(
    student: nn.Module, shape: Shape, samples: int, device: torch.device, cache: Path | None = None
) -> dict[str, float]:
    """What it takes to use a student, for one sample and for a batch of `samples`.

    Args:
        student: from `Batch` to `Outputs`.
        shape: of a sample.
        samples: in a batch.
        device: where the student is.
        cache: the folder that keeps measurements: see `latency`.
    """
    one, batch = (latency(student, shape, size, device, cache) for size in (1, samples))
    return {
        "student_params": parameters(student),
        "student_macs": macs(student, shape),
        "latency_ms": one.ms,
        "latency_spread_ms": one.spread_ms,
        "latency_load": one.load,
        "batch_latency_ms": batch.ms,
        "throughput": 1000 * samples / batch.ms,
    }


def peak_memory_mb(device: torch.device) -> float:
    """The most memory in use so far: allocated on the GPU, else resident in this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def example(model: nn.Module, loader: Loader) -> Outputs:
    """A model's outputs for the first batch, leaving the model as it was."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        outputs: Outputs = model(next(iter(loader.epoch(0))))
    model.train(was_training)
    return outputs
