"""Mean teachers."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from kdrun.method import Method, require
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.types import Batch, Outputs


class MeanTeacher(Method):
    """Train a student towards a teacher whose weights are the moving average of its own.

        for each batch:
            step the student down CE(z, y) + w · consistency(z, z′)
            θ′ ← α θ′ + (1 − α) θ,  α = min(1 − 1 / (t + 1), decay)

    Tarvainen, Valpola, 2017. https://arxiv.org/abs/1703.01780

    Labels are asked for only where there are any, so a dataset with few of them will do. The paper
    compares probabilities by squared distance, with a weight that rises. Both networks see the
    batch in training mode, each with its own dropout; both see the same augmentation. Results tell
    the student's accuracy, and the mean's as `teacher_accuracy`; the mean is written too, as
    mean.safetensors.

    Args:
        student: from `Batch` to `Outputs`.
        objective: terms between the student, its mean and the labels.
        decay: the most that the mean keeps of itself in a step.
    """

    steps: Tensor

    def __init__(self, student: Student, objective: Objective, decay: float = 0.99) -> None:
        super().__init__()
        require("ema", objective, student)
        if not 0 <= decay < 1:
            raise ValueError(f"method.decay={decay}: must lie in [0, 1)")
        self.student = student
        self.mean = copy.deepcopy(student)
        self.mean.requires_grad_(False)
        self.objective = objective
        self.decay = decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses between the student, its mean and the labels."""
        with torch.no_grad():
            said: Outputs = self.mean(batch)
        losses: dict[str, Tensor] = self.objective(self.student(batch), said, batch)
        return losses

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the mean a little towards the student."""
        self.steps += 1
        alpha = torch.clamp(1 - 1 / (self.steps + 1), max=self.decay)
        for mean, own in zip(self.mean.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(own, (1 - alpha).to(mean))

    def grown(self) -> Student:
        """The mean."""
        return self.mean
