"""Learning from the labels alone."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kdrun.method import Method
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.types import Batch


class Supervised(Method):
    """Train a network on labelled data: the control that every other method is held against.

    Args:
        student: from `Batch` to `Outputs`.
        objective: terms that read no teacher.
    """

    shares: ClassVar[bool] = True

    def __init__(self, student: Student, objective: Objective) -> None:
        super().__init__()
        self.student = student
        self.objective = objective

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of the student with the labels."""
        outputs = self.student(batch)
        losses: dict[str, Tensor] = self.objective(outputs, outputs, batch)
        return losses
