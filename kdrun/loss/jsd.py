"""Between the two divergences: the generalised one of Jensen and Shannon."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.divergence import fraction, kl, mixture
from kdrun.loss.logits import pair
from kdrun.types import Batch, Outputs


class JSD(Loss):
    """Match the teacher by how far both are from a mixture of the two.

        L = T² · mean_n [β KL(p ‖ m) + (1 − β) KL(q ‖ m)],  m = β p + (1 − β) q
        p = softmax(t / T),  q = softmax(s / T)

    Agarwal et al., 2024. https://arxiv.org/abs/2306.13649

    β = 0 and β = 1 are its limits, to which it goes once divided by β or 1 − β: KL(p ‖ q), which
    is kd, and KL(q ‖ p), which is reverse_kl. For β of 0.5 it lies between 0 and log 2.

    Args:
        beta: β, the teacher's share of the mixture.
        temperature: T; its square rescales the gradient, as in kd.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    by_row: ClassVar[bool] = True

    def __init__(
        self, beta: float = 0.5, temperature: float = 1.0, standardize: bool = False
    ) -> None:
        super().__init__()
        fraction(beta=beta)
        positive(temperature=temperature)
        self.beta = beta
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The rescaled divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        q, p = ((x / self.temperature).log_softmax(1) for x in (s, t))
        if self.beta in (0, 1):
            value = kl(q, p) if self.beta else kl(p, q)
        else:
            m = mixture(p, q, self.beta)
            value = self.beta * kl(p, m) + (1 - self.beta) * kl(q, m)
        return self.temperature**2 * value.mean()
