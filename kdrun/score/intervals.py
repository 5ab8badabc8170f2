"""How far the metrics of a split may be from those of all data of its kind: 95 % intervals."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from kdrun.task import Tally, Task

RESAMPLES = 1000
"""Fewer make the ends of an interval uncertain in the digits that are shown."""

LEVEL = 0.95

Z = 1.959963984540054
"""Between plus and minus so many deviations lie 95 % of a normal distribution."""

Interval = tuple[float, float]


def intervals(tally: Tally, members: Tensor, task: Task) -> dict[str, Interval]:
    """By metric its 95 % interval, over what other samples of the same kind would have given.

    Shares of right answers have Wilson's interval, which is not empty where all are right. All
    other metrics have the percentiles of a bootstrap over samples, always with the same draws.

    Args:
        tally: that kept its samples, and has no teacher beside.
        members: (M,) places of the samples that the metrics are of, on the CPU.
        task: whose metrics they are.

    Returns:
        Nothing where the task keeps no samples, or where there are fewer than two.
    """
    size = len(members)
    if size < 2 or tally.some(members[:1]) is None:
        return {}
    found: dict[str, list[float]] = {}
    draws = np.random.default_rng(0)
    for _ in range(RESAMPLES):
        drawn = tally.some(members[torch.from_numpy(draws.integers(size, size=size))])
        assert drawn is not None
        for name, value in drawn.scores().metrics.items():
            found.setdefault(name, []).append(value)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    told = {}
    for name, values in found.items():
        low, high = np.quantile(values, tails)
        told[name] = (float(low), float(high))
    if task.classifies:
        whole = tally.some(members)
        assert whole is not None
        metrics = whole.scores().metrics
        told |= {name: wilson(metrics[name], size) for name in ("accuracy", "top5")}
    return told


def wilson(share: float, size: int) -> Interval:
    """The 95 % interval of a share.

    Wilson, 1927, "Probable inference, the law of succession, and statistical inference".

    Args:
        share: of `size` independent samples, between 0 and 1.
        size: how many.
    """
    middle = (share + Z**2 / (2 * size)) / (1 + Z**2 / size)
    reach = Z / (1 + Z**2 / size) * math.sqrt(share * (1 - share) / size + (Z / (2 * size)) ** 2)
    # Where none or all are right, one end is that share, whatever rounding made of it.
    return 0.0 if share == 0 else middle - reach, 1.0 if share == 1 else middle + reach
