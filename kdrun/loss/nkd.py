"""Normalized knowledge distillation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import labelled_mean, pair, split
from kdrun.task.classification import likeliest
from kdrun.types import Batch, Outputs


class NKD(Loss):
    """Match the teacher's confidence in the target class, and its other classes normalised.

        L = −mean_n [p(t)_y log p(s)_y + γ T² Σ_k r_T(t)_k log r_T(s)_k]
        p(x) = softmax(x),  r_T(x) = softmax(x / T) over all classes but y

    Yang et al., 2023. https://arxiv.org/abs/2303.13005

    Both parts are cross-entropies: where student equals teacher the value is not zero but
    mean_n [−p(t)_y log p(t)_y + γ T² · entropy of r_T(t)]. Soft targets count by their likeliest
    class, as in the authors' code; unlabelled samples are left out.

    Args:
        gamma: γ, weight of the other classes.
        temperature: T, of the other classes only.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    labelled = True

    def __init__(
        self, gamma: float = 1.5, temperature: float = 1.0, standardize: bool = False
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.gamma = gamma
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Both cross-entropies, mean over the labelled samples."""
        target = likeliest(batch.target)
        s, t = pair(student, teacher, self.standardize)
        own_s, _ = split(F.log_softmax(s, dim=1), target)
        own_t, _ = split(t.softmax(1), target)
        _, rest_s = split(s / self.temperature, target)
        _, rest_t = split(t / self.temperature, target)
        rest = F.cross_entropy(rest_s, rest_t.softmax(1), reduction="none")
        losses = -(own_t * own_s).squeeze(1) + self.gamma * self.temperature**2 * rest
        return labelled_mean(losses, target)
