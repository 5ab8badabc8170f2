"""Decoupled knowledge distillation."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.loss import Loss, positive
from kdrun.loss.logits import kl, labelled_mean, pair, split
from kdrun.task.classification import likeliest
from kdrun.types import Batch, Outputs


class DKD(Loss):
    """Match the target class against the rest, and the rest among themselves, with own weights.

        L = T² · mean_n [α KL(b(t) ‖ b(s)) + β KL(r(t) ‖ r(s))]
        b(x) = (p_T(x)_y, 1 − p_T(x)_y),  r(x) = p_T of the logits of all classes but y

    Zhao et al., 2022. https://arxiv.org/abs/2203.08679

    With two classes the rest is one class and the second part is zero. Soft targets count by their
    likeliest class; unlabelled samples are left out. The published warm-up of 20 epochs is a
    matter of the weight: `weights.dkd: {value: 1, warmup: 20}`.

    Args:
        alpha: weight of the target class against the rest.
        beta: weight of the rest.
        temperature: T.
        standardize: bring each sample's logits to mean 0 and deviation 1 (Sun et al., 2024).
    """

    labelled = True

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: float = 4.0,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.alpha = alpha
        self.beta = beta
        self.temperature = temperature
        self.standardize = standardize

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """Both divergences, mean over the labelled samples."""
        target = likeliest(batch.target)
        s, t = pair(student, teacher, self.standardize)
        own_s, rest_s = split(s / self.temperature, target)
        own_t, rest_t = split(t / self.temperature, target)
        losses = self.alpha * kl(_binary(own_s, rest_s), _binary(own_t, rest_t))
        losses = losses + self.beta * kl(rest_s, rest_t)
        return self.temperature**2 * labelled_mean(losses, target)


def _binary(own: Tensor, rest: Tensor) -> Tensor:
    """(N, 2): logits of the target class and of all others together."""
    return torch.cat([own, rest.logsumexp(1, keepdim=True)], dim=1)
