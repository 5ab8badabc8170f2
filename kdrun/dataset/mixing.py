"""Mixup and CutMix: each sample with a partner from the whole split, and their labels alike."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from kdrun.dataset.random import Keys, integers, uniform

QUANTILES = 4096
"""Of the distribution of the weights."""


def partners(index: Tensor, size: int, epoch: int | Keys, seed: int) -> Tensor:
    """(N,) the positions, in a split of `size` samples, of the images to mix in."""
    return integers(seed, epoch, index, "partner", size)


def weights(alpha: float, index: Tensor, epoch: int | Keys, seed: int, stream: str) -> Tensor:
    """(N,) float32 from Beta(α, α)."""
    level = integers(seed, epoch, index, stream, QUANTILES)
    return _beta_quantiles(alpha, index.device)[level]


def pasted(
    alpha: float, index: Tensor, epoch: int | Keys, seed: int, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """(N, H, W) bool: which pixels CutMix takes from the partner, and (N,) the share of the others.

    Yun et al., 2019. https://arxiv.org/abs/1905.04899

    Args:
        alpha: of the Beta distribution of that share, before what lies outside is cut off.
        index: (N,) positions.
        epoch: of the training.
        seed: of the views.
        height: of the pictures.
        width: likewise.
    """
    half = 0.5 * (1 - weights(alpha, index, epoch, seed, "cutmix")).sqrt()
    inside = []
    for length, stream in ((height, "cutmix row"), (width, "cutmix column")):
        middle = integers(seed, epoch, index, stream, length)[:, None]
        reach = (half * length).long()[:, None]
        place = torch.arange(length, device=index.device)
        inside.append((place >= middle - reach) & (place < middle + reach))
    rows, columns = inside
    taken = rows.sum(1) * columns.sum(1)
    return rows[:, :, None] & columns[:, None, :], 1 - taken / (height * width)


def of_cutmix(
    mixup: float, cutmix: float, index: Tensor, epoch: int | Keys, seed: int
) -> Tensor | None:
    """(N,) bool: whose partner is pasted and not blended; None where all are blended."""
    if not cutmix:
        return None
    if not mixup:
        return torch.ones_like(index).bool()
    return uniform(seed, epoch, index, "mixup or cutmix") < 0.5


@lru_cache(maxsize=8)
def _beta_quantiles(alpha: float, device: torch.device) -> Tensor:
    """So many equally likely values of Beta(α, α): a sampler without rejection."""
    from scipy.special import betaincinv

    levels = (torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES
    return torch.from_numpy(betaincinv(alpha, alpha, levels.numpy())).float().to(device)
