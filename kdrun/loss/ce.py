"""Cross-entropy with the labels, the term every method has."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.types import Batch, Outputs


class CE(Loss):
    """Match the labels: cross-entropy with class indices, or with probabilities after mixup.

    Args:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al., 2016).
    """

    teacher_free = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Mean cross-entropy over the labelled samples; zero where none is (class -1)."""
        logits, target, smoothing = student.logits, batch.target, self.label_smoothing
        if target.is_floating_point():  # class probabilities
            return F.cross_entropy(logits, target, label_smoothing=smoothing)
        total = F.cross_entropy(
            logits, target, ignore_index=-1, reduction="sum", label_smoothing=smoothing
        )
        return total / (target >= 0).sum().clamp(min=1)
