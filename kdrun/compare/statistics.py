"""What a handful of seeds can say: intervals, paired tests, and the correction for many of them.

scipy.stats has all of this and costs 0.8 s to import; the tests hold these functions equal to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = Sequence[float] | NDArray[np.float64]

EXACT = 16
"""Up to so many pairs every assignment of signs is tried; beyond, a fixed random choice."""


class Paired(NamedTuple):
    """A difference measured on n pairs, and how easily chance alone would give as large a one.

    Attributes:
        n: pairs.
        mean: the mean difference.
        low: of its 95 % interval by Student's t; None where that is undefined.
        high: likewise.
        p_t: two-sided p of the paired t-test; None with one pair, or differences all the same.
        p_flip: two-sided p of the sign-flip test, which assumes only that under chance each
            difference could as well have had the other sign.
        least: the lowest p_flip that n pairs can give.
    """

    n: int
    mean: float
    low: float | None
    high: float | None
    p_t: float | None
    p_flip: float
    least: float


def spread(values: Values) -> float | None:
    """Standard deviation with n - 1; None for a single value, which has none."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def interval(values: Values, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile bootstrap interval of the mean; None for a single value.

    Of few values every resample is drawn once, of more a fixed random choice of them. With three
    seeds it is their range, which is too narrow.
    """
    if len(values) < 2:
        return None
    means = np.asarray(values, dtype=np.float64)[_resamples(len(values))].mean(axis=1)
    tails = [(1 - level) / 2, (1 + level) / 2]
    # The default method would interpolate, as if the few resamples of three values were a sample.
    low, high = np.quantile(means, tails, method="averaged_inverted_cdf")
    return float(low), float(high)


@lru_cache(maxsize=8)
def _resamples(n: int) -> NDArray[np.intp]:
    """Positions drawn with replacement, (resamples, n)."""
    if n**n <= 10_000:
        return np.indices((n,) * n).reshape(n, -1).T
    count = max(1_000, min(10_000, 1_000_000 // n))
    return np.random.default_rng(0).integers(n, size=(count, n))


def paired(differences: Values) -> Paired:
    """Test whether the mean of paired differences is other than zero."""
    values = np.asarray(differences, dtype=np.float64)
    n, mean = len(values), float(np.mean(values))
    low, high, p_t = _student(values)
    p_flip, least = sign_flip(values)
    return Paired(n, mean, low, high, p_t, p_flip, least)


def _student(values: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """95 % interval and two-sided p of Student's t."""
    from scipy.special import stdtr, stdtrit

    n, mean = len(values), float(np.mean(values))
    error = (spread(values) or 0.0) / math.sqrt(n)
    # Differences that are equal but for rounding have no spread to measure the mean by.
    if error <= 1e-12 * float(np.abs(values).max()):
        return None, None, None
    reach = float(stdtrit(n - 1, 0.975)) * error
    return mean - reach, mean + reach, float(2 * stdtr(n - 1, -abs(mean) / error))


def sign_flip(differences: Values) -> tuple[float, float]:
    """Two-sided p of the sign-flip test of the sum, and the lowest p that so many pairs allow."""
    values = np.asarray(differences, dtype=np.float64)
    n, total = len(values), abs(float(np.sum(values)))
    # A sum that ties with the observed one counts, whatever the order of summation made of it.
    bar = total - 1e-9 * float(np.abs(values).sum())
    if n <= EXACT:
        sums = values[:1]  # the sign of the first is free: both signs of a sum count alike
        for value in values[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(np.abs(sums) >= bar)), 2.0 ** (1 - n)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(10_000, n))
    extreme = int(np.sum(np.abs(signs @ values) >= bar))
    return (extreme + 1) / 10_001, 1 / 10_001


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values of a family of tests so that one false alarm among all stays improbable.

    Holm, 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted
