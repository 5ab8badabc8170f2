"""Distances between distributions in the space of a kernel."""

from __future__ import annotations

import torch
from torch import Tensor

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Bandwidths of the kernels that are averaged, in units of the median squared distance."""


def squared_distances(x: Tensor) -> Tensor:
    """(N, N) between the rows of (N, D)."""
    norms = (x * x).sum(1)
    return (norms[:, None] + norms - 2 * x @ x.T).clamp(min=0)


def multi_gaussian(distances: Tensor) -> Tensor:
    """The mean of Gaussian kernels exp(−d² / (s · median)) over `SCALES`.

    Args:
        distances: (N, N) squared. The median is that between different samples; no gradient goes
            through it.
    """
    size = len(distances)
    # All but the diagonal, without asking how many that are: each row now ends in a diagonal one.
    apart = distances.detach().flatten()[1:].view(size - 1, size + 1)[:, :-1]
    median = apart.median().clamp(min=1e-8)  # all samples alike: whatever the bandwidth
    return torch.stack([torch.exp(-distances / (scale * median)) for scale in SCALES]).mean(0)


def discrepancy(kernel: Tensor, size: int) -> Tensor:
    """The unbiased estimate of MMD², which is negative for some samples of equal distributions.

    Args:
        kernel: (N + M, N + M) between all samples, N of the source first.
        size: N.
    """
    within = kernel - torch.diag_embed(kernel.diagonal())
    source, target = within[:size, :size], within[size:, size:]
    n, m = len(source), len(target)
    inside = source.sum() / (n * (n - 1)) + target.sum() / (m * (m - 1))
    return inside - 2 * kernel[:size, size:].mean()
