"""A divergence from the teacher to a student that is helped by a little of the teacher."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.divergence import fraction, kl, mixture
from kdrun.loss.logits import pair
from kdrun.types import Batch, Outputs


class SkewKL(Loss):
    """Match the teacher by a mixture in which it has a share itself.

        L = T² · mean_n KL(p ‖ α p + (1 − α) q),  p = softmax(t / T),  q = softmax(s / T)

    Ko et al., 2024. https://arxiv.org/abs/2402.03898

    The mixture is nowhere far below p, so the loss stays under −log α and its gradient is bounded
    where the student gives next to nothing. α = 0 is kd.

    Args:
        alpha: α, the teacher's share.
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
        return self.temperature**2 * kl(p, mixture(p, q, self.alpha)).mean()
