"""Teacher-free distillation."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.method import Method, require
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.task.classification import likeliest
from kdrun.teacher.classes import log_probabilities
from kdrun.types import Batch, Outputs


class TfKD(Method):
    """Train a student towards a virtual teacher, which is right with a given confidence.

        for each batch:
            q(k) = a if k is the label, else (1 − a) / (C − 1)
            step the student down its losses with the labels and with the teacher q

    Yuan, Tay, Li, Wang, Feng, 2020 (Tf-KD_reg). https://arxiv.org/abs/1909.11723

    `loss=tf_kd` makes q by itself, softened as the authors' code does it; any other loss between
    logits gets log q. Samples without a label have no such teacher.

    Args:
        student: from `Batch` to `Outputs`.
        objective: terms between the student, the virtual teacher and the labels.
        confidence: a.
    """

    capturable = "it asks the device whether all samples of a batch have labels"

    def __init__(self, student: Student, objective: Objective, confidence: float = 0.99) -> None:
        super().__init__()
        require("tf_kd", objective, student)
        if not 0 < confidence <= 1:
            raise ValueError(f"method.confidence={confidence}: must lie in (0, 1]")
        self.student = student
        self.objective = objective
        self.confidence = confidence

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of the student."""
        outputs: Outputs = self.student(batch)
        teacher = self.virtual(batch.target, outputs.logits.shape[1])
        losses: dict[str, Tensor] = self.objective(outputs, teacher, batch)
        return losses

    def virtual(self, target: Tensor, count: int) -> Outputs:
        """What the virtual teacher says of samples with these labels."""
        labels = likeliest(target)
        q = target.new_full((len(target), count), 0, dtype=torch.float32)
        q += (1 - self.confidence) / (count - 1)
        q.scatter_(1, labels.clamp(min=0)[:, None], self.confidence)
        labelled = labels >= 0
        return Outputs(log_probabilities(q), weight=None if labelled.all() else labelled.float())
