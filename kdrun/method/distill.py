"""Knowledge distillation: a student learns from a frozen teacher and the labels."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from kdrun.method import Method
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.types import Batch


class Distill(Method):
    """Train a student to match a teacher in what the loss compares.

    Hinton, Vinyals, Dean, 2015. https://arxiv.org/abs/1503.02531

    Args:
        student: from `Batch` to `Outputs`.
        teacher: from `Batch` to `Outputs`, frozen; live or recorded.
        objective: terms between the two and the labels.
    """

    shares: ClassVar[bool] = True

    def __init__(self, student: Student, teacher: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher
        self.objective = objective

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses between the student, the teacher and the labels."""
        # The teacher first: what it allocates is free again before the student's graph grows.
        teacher = self.teacher(batch)
        losses: dict[str, Tensor] = self.objective(self.student(batch), teacher, batch)
        return losses
