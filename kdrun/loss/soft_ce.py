"""Cross-entropy with the teacher's softened distribution."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import pair
from kdrun.types import Batch, Outputs


class SoftCE(Loss):
    """Match the teacher's softened class distribution by cross-entropy.

        L = −T² · mean_n Σ_k p_T(t)_nk log p_T(s)_nk,  p_T(x) = softmax(x / T)

    Hinton, Vinyals, Dean, 2015. https://arxiv.org/abs/1503.02531

    Its gradient is that of kd; its minimum is not zero but T² times the teacher's entropy.
    TextBrewer leaves out T²: rescale=false.

    Args:
        temperature: T.
        rescale: multiply by T², so that the gradient does not shrink with the temperature.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    by_row: ClassVar[bool] = True

    def __init__(
        self, temperature: float = 4.0, rescale: bool = True, standardize: bool = False
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.temperature = temperature
        self.rescale = rescale
        self.standardize = standardize
        self.linear = temperature == 1 and not standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The cross-entropy, mean over the batch."""
        s, t = pair(student, teacher, self.standardize)
        loss = F.cross_entropy(s / self.temperature, (t / self.temperature).softmax(1))
        return self.temperature**2 * loss if self.rescale else loss
