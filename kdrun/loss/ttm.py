"""Transformed teacher matching."""

from __future__ import annotations

from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, pair
from kdrun.types import Batch, Outputs


class TTM(Loss):
    """Match the teacher's softened distribution by the student's own, unsoftened.

        L = mean_n KL(q ‖ softmax(s)),  q_k = p(t)_k^γ / Σ_j p(t)_j^γ,  p(x) = softmax(x)

    Zheng, Yang, 2024. https://arxiv.org/abs/2402.11148

    A power γ of the teacher's probabilities is a temperature 1/γ. The student that has none reaches
    zero not at the teacher's logits but at γ times them.

    Args:
        exponent: γ, from 0 to 1.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    def __init__(self, exponent: float = 0.1, standardize: bool = False) -> None:
        super().__init__()
        positive(exponent=exponent)
        self.exponent = exponent
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        return kl(s, self.exponent * t).mean()
