"""Weighted soft labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, labelled_mean, pair
from kdrun.task.classification import likeliest
from kdrun.types import Batch, Outputs


class WSLD(Loss):
    """Match the teacher's softened distribution, most where the student still misses the label.

        L = T² · mean_n w_n · KL(p_T(t_n) ‖ p_T(s_n)),  w = 1 − exp(−CE(s, y) / CE(t, y))

    Zhou et al., 2021. https://arxiv.org/abs/2102.00650

    The weights w pass no gradient. The authors' code has the cross-entropy where the KL stands,
    which adds the teacher's entropy to the value and nothing to the gradient. Samples without a
    label are left out.

    Args:
        temperature: T; the weights are taken at 1.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    labelled = True

    def __init__(self, temperature: float = 2.0, standardize: bool = False) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The weighted divergence, mean over the labelled part of the batch."""
        s, t = pair(student, teacher, self.standardize)
        target = likeliest(batch.target)
        own = target.clamp(min=0)
        with torch.no_grad():
            misses = F.cross_entropy(s, own, reduction="none")
            ratio = misses / (F.cross_entropy(t, own, reduction="none") + 1e-7)
            weight = 1 - torch.exp(-ratio)
        soft = kl(s / self.temperature, t / self.temperature)
        return self.temperature**2 * labelled_mean(weight * soft, target)
