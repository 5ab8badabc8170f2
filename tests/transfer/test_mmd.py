"""Maximum mean discrepancy against loops over pairs."""

from __future__ import annotations

import math

import numpy as np
import torch

from kdrun.transfer.mmd import MMD
from tests.transfer.domains import said, value


def slow(source: np.ndarray, target: np.ndarray) -> float:
    z = np.concatenate([source, target])
    apart = [((a - b) ** 2).sum() for i, a in enumerate(z) for j, b in enumerate(z) if i != j]
    median = sorted(apart)[(len(apart) - 1) // 2]  # torch's: the lower of two

    def k(a: np.ndarray, b: np.ndarray) -> float:
        distance = ((a - b) ** 2).sum()
        return sum(math.exp(-distance / (s * median)) for s in (0.25, 0.5, 1, 2, 4)) / 5

    def within(x: np.ndarray) -> float:
        pairs = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
        return sum(pairs) / len(pairs)

    between = np.mean([k(a, b) for a in source for b in target])
    return float(within(source) + within(target) - 2 * between)


def test_it_is_the_unbiased_estimate() -> None:
    source, target = said(5), said(7, seed=1)
    assert source.embedding is not None
    assert target.embedding is not None
    expected = slow(source.embedding.numpy(), target.embedding.numpy())
    np.testing.assert_allclose(value(MMD(), source, target).item(), expected, rtol=1e-9)


def test_equal_distributions_have_none_on_average_and_shifted_ones_have() -> None:
    values, shifted = [], []
    for seed in range(40):
        source, target = said(16, seed=seed), said(16, seed=seed + 1000)
        assert target.embedding is not None
        values.append(value(MMD(), source, target).item())
        moved = target._replace(embedding=target.embedding + 2.0)
        shifted.append(value(MMD(), source, moved).item())
    assert min(values) < 0
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(40)
    assert min(shifted) > max(values)


def test_the_scale_of_the_embeddings_does_not_matter() -> None:
    source, target = said(5), said(7, seed=1)
    scaled = [s._replace(embedding=3 * s.embedding) for s in (source, target)]  # type: ignore[operator]
    np.testing.assert_allclose(
        value(MMD(), *scaled).item(), value(MMD(), source, target).item(), rtol=1e-9
    )


def test_samples_that_are_all_alike_are_no_trouble() -> None:
    same = said(4)._replace(embedding=torch.ones(4, 5, dtype=torch.float64, requires_grad=True))
    loss = value(MMD(), same, same)
    loss.backward()
    assert loss.item() == 0
    assert same.embedding is not None
    assert same.embedding.grad is not None
    assert torch.isfinite(same.embedding.grad).all()
