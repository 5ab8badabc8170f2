"""Knowledge distillation by softened class distributions."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, pair
from kdrun.types import Batch, Outputs


class KD(Loss):
    """Match the softened class distributions of teacher and student.

        L = T² · mean_n KL(p_T(t) ‖ p_T(s)),  p_T(x) = softmax(x / T)

    Hinton, Vinyals, Dean, 2015. https://arxiv.org/abs/1503.02531

    Args:
        temperature: T; its square rescales the gradient (section 2).
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    by_row: ClassVar[bool] = True

    def __init__(self, temperature: float = 4.0, standardize: bool = False) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature
        self.standardize = standardize
        self.linear = temperature == 1 and not standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The rescaled divergence, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        return self.temperature**2 * kl(s / self.temperature, t / self.temperature).mean()
