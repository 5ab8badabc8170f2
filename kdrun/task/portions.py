"""Sums over very many scores, a portion at a time, so that what is computed on the way is small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

LARGE = 2**25
"""Numbers, 128 MB in float32: so many scores are gone through at once, and not in portions."""


def whole(scores: Tensor) -> bool:
    """Whether scores are few enough to be gone through at once."""
    return scores.numel() <= LARGE


def total(compute: Callable[..., Tensor], *samples: Tensor) -> Tensor:
    """The sum of what is computed of portions of some samples, one at least in each.

    Of a portion nothing is kept but its value: the backward pass computes the rest again.

    Args:
        compute: of some samples of each tensor, a scalar that draws nothing at random.
        samples: (N, ...) each, of which the first are scores.
    """
    size = max(1, LARGE // samples[0][0].numel())
    values = [
        checkpoint(compute, *part, use_reentrant=False, preserve_rng_state=False)
        for part in zip(*(tensor.split(size) for tensor in samples), strict=True)
    ]
    return torch.stack(values).sum()
