"""Confident pseudo-labels of a mean teacher."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.model.features import Student
from kdrun.teacher.network import Frozen
from kdrun.transfer.adaptation import Term
from kdrun.transfer.strong import strong
from kdrun.types import Batch, Loader, Outputs


class SelfTraining(Term):
    """Learn what a moving average of oneself is sure of, on harder views of the target.

        q = softmax(f′(x)),  ŷ = argmax q;  R = mean 1[max q ≥ τ] · CE(f(strong(x)), ŷ)
        after each step: θ′ ← α θ′ + (1 − α) θ,  α = min(1 − 1 / (t + 1), decay)

    Self-ensembling (French, Mackiewicz, Fisher, 2018, https://arxiv.org/abs/1706.05208) with the
    confidence threshold and the two strengths of augmentation of FixMatch (Sohn et al., 2020,
    https://arxiv.org/abs/2001.07685). The teacher sees the batch as `dataset.augment` made it, in
    evaluation mode, and has the student's batch norm statistics. A term of its own forward pass,
    so it costs half as much again.

    Args:
        threshold: τ.
        decay: the most that the teacher keeps of itself in a step.
    """

    minimises = ("im",)
    images = True
    capturable = "its harder views are drawn on the CPU"
    steps: Tensor

    def __init__(self, threshold: float = 0.95, decay: float = 0.99) -> None:
        super().__init__()
        if not 0 <= threshold < 1 or not 0 <= decay < 1:
            raise ValueError(f"threshold={threshold}, decay={decay}: both must lie in [0, 1)")
        self.threshold = threshold
        self.decay = decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def bind(self, student: Student, loader: Loader) -> None:
        """Make the teacher a copy of the student.

        Raises:
            ValueError: the samples are no images.
        """
        sample = next(iter(loader.epoch(0))).input
        if not isinstance(sample, Tensor) or sample.ndim != 4:
            raise ValueError("transfer.terms.self_training augments images, and these are none.")
        self._student = (student,)  # in a tuple, or it would be a part of this module
        self.teacher = Frozen(copy.deepcopy(student))

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """Cross-entropy with the teacher's confident answers, over all samples of the batch."""
        assert isinstance(batch.input, Tensor)
        q, answer = torch.softmax(self.teacher(batch).logits, dim=1).max(1)
        harder: Outputs = self._student[0](batch._replace(input=strong(batch.input)))
        loss = F.cross_entropy(harder.logits, answer, reduction="none")
        return (loss * (q >= self.threshold)).mean()

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the teacher a little towards the student."""
        self.steps += 1
        alpha = torch.clamp(1 - 1 / (self.steps + 1), max=self.decay)
        (student,), mean = self._student, self.teacher.network
        for average, own in zip(mean.parameters(), student.parameters(), strict=True):
            average.lerp_(own, (1 - alpha).to(average))
        for theirs, given in zip(mean.buffers(), student.buffers(), strict=True):
            theirs.copy_(given)
