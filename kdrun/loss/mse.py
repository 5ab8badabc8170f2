"""Squared distance of logits or of probabilities."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import pair
from kdrun.types import Batch, Outputs


class MSE(Loss):
    """Match the teacher's logits, or its softened probabilities, by squared distance.

        logits:         L = mean_{n,k} (s_nk − t_nk)²
        probabilities:  L = T² · mean_{n,k} (p_T(s)_nk − p_T(t)_nk)²

    Ba, Caruana, 2014. https://arxiv.org/abs/1312.6184

    The mean over classes is that of Kim et al., 2021 (https://arxiv.org/abs/2105.08919); Ba and
    Caruana sum over them and halve. Between logits it is defined for regression too.

    Args:
        space: "logits" or "probabilities".
        temperature: T, of the probabilities; logits are compared as they are.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    def __init__(
        self,
        space: Literal["logits", "probabilities"] = "logits",
        temperature: float = 1.0,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        if space not in ("logits", "probabilities"):
            raise ValueError(f"space is logits or probabilities, not {space!r}")
        self.space = space
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared distance, mean over batch and classes."""
        alone = self.space == "logits" and not self.standardize
        s, t = pair(student, teacher, self.standardize, classes=1 if alone else 2)
        if self.space == "logits":
            return F.mse_loss(s, t)
        p, q = (s / self.temperature).softmax(1), (t / self.temperature).softmax(1)
        return self.temperature**2 * F.mse_loss(p, q)
