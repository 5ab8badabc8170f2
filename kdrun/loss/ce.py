"""Cross-entropy with the labels, or the squared error of values: the term every method has."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.types import Batch, Outputs


class CE(Loss):
    """Match the labels: cross-entropy with class indices, or with probabilities after mixup.

    In regression, the squared error in units of the training targets' variance: always to answer
    their mean costs 1, whatever they measure.

    Args:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al., 2016).
    """

    teacher_free = True
    labelled = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.variance = 1.0

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Learn the variance of the targets, where they are values."""
        if targets.is_floating_point() and targets.ndim == 1:
            self.variance = float(targets.var(correction=0)) or 1.0

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Mean over the labelled samples; zero where none is (class -1)."""
        logits, target, smoothing = student.logits, batch.target, self.label_smoothing
        if target.is_floating_point() and target.ndim == 1:  # values
            return F.mse_loss(logits.squeeze(1), target) / self.variance
        if target.is_floating_point():  # class probabilities
            return F.cross_entropy(logits, target, label_smoothing=smoothing)
        total = F.cross_entropy(
            logits, target, ignore_index=-1, reduction="sum", label_smoothing=smoothing
        )
        return total / (target >= 0).sum().clamp(min=1)
