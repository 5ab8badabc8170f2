"""The term with the labels that every method has: what it is, the task says."""

from __future__ import annotations

from torch import Tensor

from kdrun.loss import Loss
from kdrun.task.choose import by_form
from kdrun.types import Batch, Outputs


class CE(Loss):
    """Match the labels: cross-entropy with class indices, or with probabilities after mixup.

    In regression, the squared error in units of the training targets' variance: always to answer
    their mean costs 1, whatever they measure. Other tasks have their own: `Task.supervised`.

    Args:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al., 2016).
    """

    teacher_free = True
    labelled = True
    compares_rows = False

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.scale = 1.0

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Learn how large the targets are, where that is to cancel out."""
        self.scale = (self.task or by_form(targets)).scale(targets)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Mean over the labelled samples; zero where none is."""
        task = self.task or by_form(batch.target)
        return task.supervised(student, batch, self.label_smoothing, self.scale)
