"""Weighted transformed teacher matching."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, pair
from kdrun.types import Batch, Outputs


class WTTM(Loss):
    """Match as ttm does, and weight each sample by how uncertain the teacher is.

        L = mean_n U_n · KL(q_n ‖ softmax(s_n)),  U = Σ_k p(t)_k^γ,  q_k = p(t)_k^γ / U

    Zheng, Yang, 2024. https://arxiv.org/abs/2402.11148

    U lies between 1, where the teacher is certain, and C^(1−γ), where it does not know. The
    student reaches zero at γ times the teacher's logits.

    Args:
        exponent: γ, from 0 to 1.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    def __init__(self, exponent: float = 0.2, standardize: bool = False) -> None:
        super().__init__()
        positive(exponent=exponent)
        self.exponent = exponent
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The weighted divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        powers = self.exponent * F.log_softmax(t, dim=1)
        return (powers.logsumexp(1).exp() * kl(s, powers)).mean()
