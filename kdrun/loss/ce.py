"""The term with the labels that every method has: what it is, the task says."""

from __future__ import annotations

from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.class_weights import ClassWeights, cross_entropy, fitting, parsed, weights
from kdrun.task.form import by_form
from kdrun.task.pixels import brought_to
from kdrun.types import Batch, Outputs


class CE(Loss):
    """Match the labels: cross-entropy with class indices, or with probabilities after mixup.

    In regression, the squared error in units of the training targets' variance: always to answer
    their mean costs 1, whatever they measure. Other tasks have their own: `Task.supervised`.

    Args:
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al., 2016).
        class_weights: none, balanced (inverse to their frequency) or a number for each. The
            weighted sum is divided by the number of samples, and not of weights, so that a batch
            without a rare class counts less.
    """

    teacher_free = True
    labelled = True
    compares_rows = False

    class_weight: Tensor | None

    def __init__(self, label_smoothing: float = 0.0, class_weights: ClassWeights = "none") -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.rule = parsed(class_weights)
        self.register_buffer("class_weight", None, persistent=False)
        self.scale = 1.0

    def check(self, classes: int) -> None:
        """Object to weights of another number of classes, and of boxes."""
        if self.rule != "none" and self.task is not None and self.task.boxed:
            raise ValueError(
                "train.class_weights is of samples or pixels of a class, and a detector's own loss "
                "takes none: set it to none"
            )
        fitting(self.rule, classes)

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Learn how large the targets are, where that is to cancel out, or how often each is."""
        if self.rule != "none":
            found = weights(self.rule, targets, student.logits.shape[1])
            self.class_weight = found.to(student.logits.device)
        self.scale = (self.task or by_form(targets)).scale(targets)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Mean over the labelled samples; zero where none is."""
        if self.class_weight is not None:
            settings = (self.class_weight, self.label_smoothing)
            if student.logits.ndim != 4:
                return cross_entropy(student.logits, batch.target, *settings)
            scores = brought_to(student.logits, batch.target.shape[1:])
            found = cross_entropy(scores, batch.target, *settings)
            return found if student.loss is None else found + student.loss
        task = self.task or by_form(batch.target)
        return task.supervised(student, batch, self.label_smoothing, self.scale)
