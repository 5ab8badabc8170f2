"""Divergences between distributions given by their logarithms: what skewed losses share."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """(N,): KL(p ‖ q) = Σ_k p_k (log p_k − log q_k) of each row of log-probabilities.

    A class to which p gives nothing adds nothing.
    """
    return (log_p.exp() * (log_p - log_q)).sum(1)


def mixture(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    """The logarithm of share · p + (1 − share) · q, from logarithms: nothing underflows.

    Args:
        log_p: (N, C).
        log_q: (N, C).
        share: of p, between 0 and 1.
    """
    if share <= 0:
        return log_q
    if share >= 1:
        return log_p
    return torch.logaddexp(log_p + math.log(share), log_q + math.log1p(-share))


def fraction(**settings: float) -> None:
    """Refuse a setting that does not lie in [0, 1], by its name.

    Raises:
        ValueError: one does not.
    """
    for name, value in settings.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name}={value}: must lie between 0 and 1")
