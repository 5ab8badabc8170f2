"""Teacher-free distillation from a virtual teacher."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.loss import Loss, full, positive
from kdrun.loss.logits import kl, labelled_mean, one_hot
from kdrun.task.classification import likeliest
from kdrun.types import Batch, Outputs


class TfKD(Loss):
    """Match a virtual teacher that is almost certain of the label and treats the rest alike.

        L = mean_n KL(softmax(u / T) ‖ softmax(s)),  u_y = a,  u_k = (1 − a) / (C − 1)

    Yuan et al., 2020. https://arxiv.org/abs/1909.11723

    Of the teacher's outputs it reads nothing. The authors' code divides by the number of classes
    too and multiplies that away by a factor of 1 to 100; ours is the mean over samples. The paper
    softens the student as well, the code that made its results does not. Soft targets count by
    their likeliest class; unlabelled samples are left out.

    Args:
        temperature: T.
        confidence: a, the virtual teacher's probability of the label.
        soften_student: compare with softmax(s / T), as the paper writes.
    """

    teacher_free = True
    labelled = True

    def __init__(
        self, temperature: float = 20.0, confidence: float = 0.99, soften_student: bool = False
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature
        self.confidence = confidence
        self.soften_student = soften_student

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The divergence, mean over the labelled samples."""
        s, target = full(student.logits), likeliest(batch.target)
        if s.ndim != 2 or s.shape[1] < 2 or len(target) != len(s):
            raise ValueError(
                f"student logits {tuple(s.shape)} must be (N, C) with C at least 2, "
                f"and targets {tuple(target.shape)} as many"
            )
        own = one_hot(target, s.shape[1])
        rest = (1 - self.confidence) / (s.shape[1] - 1)
        u = torch.where(own, self.confidence, rest).to(s) / self.temperature
        losses = kl(s / self.temperature if self.soften_student else s, u)
        return labelled_mean(losses, target)
