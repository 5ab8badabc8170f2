"""An epoch in which every class comes equally often, a pure function of (seed, epoch, labels)."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.dataset.random import bits, permutation


def balanced(seed: int, epoch: int, targets: Tensor) -> Tensor:
    """(N,) positions, of which each class that occurs has N / k, give or take one.

    Of a class with more samples than that, each epoch has other ones; those of a smaller class are
    gone through again and again, none of them twice before all came once.

    Args:
        seed: of the order.
        epoch: of the training.
        targets: (N,) classes, all of them known.
    """
    size, device = len(targets), targets.device
    order = permutation(seed, epoch, size, device)
    grouped = order[targets[order].argsort(stable=True)]
    counts = torch.bincount(targets)
    starts = counts.cumsum(0) - counts
    present = counts.nonzero().squeeze(1)
    draws = torch.arange(size, device=device)
    chosen = present[(draws + epoch) % len(present)]
    turn = draws // len(present)
    positions = grouped[starts[chosen] + turn % counts[chosen]]
    shuffled = bits(seed, epoch, draws, "balanced").argsort(stable=True)
    return positions[shuffled]
