"""Joint maximum mean discrepancy against loops over pairs."""

from __future__ import annotations

import math

import numpy as np

from kdrun.transfer.jan import JAN
from kdrun.types import Outputs
from tests.transfer.domains import said, value


def slow(source: Outputs, target: Outputs, sigma: float) -> float:
    assert source.embedding is not None
    assert target.embedding is not None
    z = np.concatenate([source.embedding, target.embedding])
    logits = np.concatenate([source.logits, target.logits])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    size, n = len(z), len(source.logits)
    f = [[((a - b) ** 2).sum() for b in z] for a in z]
    apart = sorted(f[i][j] for i in range(size) for j in range(size) if i != j)
    median = apart[(len(apart) - 1) // 2]

    def k(i: int, j: int) -> float:
        of_f = sum(math.exp(-f[i][j] / (s * median)) for s in (0.25, 0.5, 1, 2, 4)) / 5
        return of_f * math.exp(-((p[i] - p[j]) ** 2).sum() / sigma)

    def mean(rows: range, columns: range) -> float:
        return float(np.mean([k(i, j) for i in rows for j in columns if i != j]))

    ours, theirs = range(n), range(n, size)
    return mean(ours, ours) + mean(theirs, theirs) - 2 * mean(ours, theirs)


def test_the_kernel_is_the_product() -> None:
    source, target = said(5), said(7, seed=1)
    found = value(JAN(1.68), source, target).item()
    np.testing.assert_allclose(found, slow(source, target, 1.68), rtol=1e-9)


def test_it_sees_labels_swapped_where_the_embeddings_are_equal() -> None:
    """What mmd cannot: the same embeddings under other predictions."""
    from kdrun.transfer.mmd import MMD

    source = said(12)
    swapped = source._replace(logits=source.logits.flip(1) * 3)
    same = value(MMD(), source, source).item()
    np.testing.assert_allclose(value(MMD(), source, swapped).item(), same)
    assert value(JAN(), source, swapped).item() > value(JAN(), source, source).item()
