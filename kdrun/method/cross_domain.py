"""Cross-domain distillation: a teacher of the source, a student for the target."""

from __future__ import annotations

import torch
from torch import nn

from kdrun.method.transfer_distill import TransferDistill
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.transfer import Strategy
from kdrun.types import Batch, Outputs


class CrossDomain(TransferDistill):
    """Distil across domains, with few labels of the target or none: `dataset.labels`.

        train the teacher on the source's labels
        adapt it to the target's inputs, unless `method.adapt` is none
        for each batch of the target:
            drop the answers of which the teacher is not confident, if asked
            step the student down its losses with the rest, and with the labels there are

    What helps is a question to be put to a sweep: each part can be left out by itself.

    Args:
        student: from `Batch` to `Outputs`.
        teacher: from `Batch` to `Outputs`, frozen.
        objective: terms between the two and the labels of the target, where these are known.
        strategy: of the student; None where it begins with its own initialisation.
        confidence: the least probability of its likeliest class with which an answer of the teacher
            counts; None for all.
    """

    def __init__(
        self,
        student: Student,
        teacher: nn.Module,
        objective: Objective,
        strategy: Strategy | None = None,
        confidence: float | None = None,
    ) -> None:
        super().__init__(student, teacher, objective, strategy)
        if confidence is not None and not 0 <= confidence < 1:
            raise ValueError(f"method.confidence={confidence}: must lie in [0, 1), or be null")
        self.confidence = confidence
        if confidence is not None:
            self.capturable = "which answers are confident enough is asked of the device"

    def answers(self, batch: Batch) -> Outputs:
        """What the teacher says of a batch of the target, weighted 0 where it is not confident."""
        outputs = super().answers(batch)
        if self.confidence is None:
            return outputs
        sure = torch.softmax(outputs.logits, dim=1).amax(1) >= self.confidence
        weight = sure.float() if outputs.weight is None else outputs.weight * sure
        return outputs._replace(weight=weight)
