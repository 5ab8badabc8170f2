"""A discriminator that tells domains apart, and the reversed gradient that makes it fail."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float | Tensor) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * grads[0], None


def reverse(x: Tensor, factor: float | Tensor) -> Tensor:
    """x itself, whose gradient is multiplied by −factor on the way back."""
    reversed_: Tensor = _Reverse.apply(x, factor)
    return reversed_


def discriminator(width: int, hidden: int) -> nn.Sequential:
    """(N, width) features to (N, 1): the logit of a sample being of the source."""
    return nn.Sequential(
        nn.Linear(width, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 1),
    )


def confusion(
    judge: nn.Module, source: Tensor, target: Tensor, weights: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """How badly a discriminator tells two domains apart: binary cross-entropy.

    Each domain counts half, however many samples it has here. At log 2 the judge is guessing.

    Args:
        judge: from (N, D) to (N, 1) logits.
        source: (N, D) features.
        target: (M, D) features.
        weights: (N,) and (M,) of the samples, mean 1; None where all count alike.
    """
    logits = judge(torch.cat([source, target])).squeeze(1)
    of_source, of_target = F.softplus(-logits[: len(source)]), F.softplus(logits[len(source) :])
    if weights is not None:
        of_source, of_target = weights[0] * of_source, weights[1] * of_target
    return (of_source.mean() + of_target.mean()) / 2
