"""The divergence the other way round: a student that would rather be right than complete."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, pair
from kdrun.types import Batch, Outputs


class ReverseKL(Loss):
    """Match the teacher where the student itself puts its probability.

        L = T² · mean_n KL(p_T(s) ‖ p_T(t)),  p_T(x) = softmax(x / T)

    Gu et al., 2024. https://arxiv.org/abs/2306.08543

    Their divergence, on given samples; they take it over texts that the student writes and follow
    the gradient of that sampling too. kd makes the student cover all that the teacher allows; this
    lets it leave out what it cannot hold. T = 1 in the paper.

    Args:
        temperature: T; its square rescales the gradient, as in kd.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    by_row: ClassVar[bool] = True

    def __init__(self, temperature: float = 1.0, standardize: bool = False) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The rescaled divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        return self.temperature**2 * kl(t / self.temperature, s / self.temperature).mean()
