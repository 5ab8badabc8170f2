"""A divergence from the student to a teacher that is helped by a little of the student."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.divergence import fraction, kl, mixture
from kdrun.loss.logits import pair
from kdrun.types import Batch, Outputs


class SkewReverseKL(Loss):
    """Match the teacher where the student puts its probability, in a mixture with a share of it.

        L = T² · mean_n KL(q ‖ α q + (1 − α) p),  p = softmax(t / T),  q = softmax(s / T)

    Ko et al., 2024. https://arxiv.org/abs/2402.03898

    What the teacher rules out costs at most −log α, where reverse_kl, which is α = 0, knows no
    bound.

    Args:
        alpha: α, the student's share.
        temperature: T; its square rescales the gradient, as in kd.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    by_row: ClassVar[bool] = True

    def __init__(
        self, alpha: float = 0.1, temperature: float = 1.0, standardize: bool = False
    ) -> None:
        super().__init__()
        fraction(alpha=alpha)
        positive(temperature=temperature)
        self.alpha = alpha
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The rescaled divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        q, p = ((x / self.temperature).log_softmax(1) for x in (s, t))
        return self.temperature**2 * kl(q, mixture(q, p, self.alpha)).mean()
