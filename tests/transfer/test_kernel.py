"""Distances between distributions, against loops over pairs."""

from __future__ import annotations

import math
import statistics

import pytest
import torch

from kdrun.transfer.kernel import SCALES, discrepancy, multi_gaussian, squared_distances

ROWS = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 3.0], [1.0, 1.5], [-2.0, 0.0]])


def slow(i: int, j: int) -> float:
    return sum((a - b) ** 2 for a, b in zip(ROWS[i].tolist(), ROWS[j].tolist(), strict=True))


def test_distances_are_those_between_rows() -> None:
    found = squared_distances(ROWS)
    for i in range(5):
        for j in range(5):
            assert found[i, j].item() == pytest.approx(slow(i, j), abs=1e-5)


def test_the_kernel_is_a_mean_over_bandwidths_of_the_median_between_different_samples() -> None:
    found = multi_gaussian(squared_distances(ROWS))
    median = statistics.median_low([slow(i, j) for i in range(5) for j in range(5) if i != j])
    for i in range(5):
        for j in range(5):
            each = [math.exp(-slow(i, j) / (scale * median)) for scale in SCALES]
            assert found[i, j].item() == pytest.approx(statistics.mean(each), abs=1e-5)


def test_samples_that_are_all_alike_have_a_kernel_of_one() -> None:
    assert torch.equal(multi_gaussian(torch.zeros(3, 3)), torch.ones(3, 3))


def test_the_estimate_leaves_out_what_a_sample_is_to_itself() -> None:
    kernel = multi_gaussian(squared_distances(ROWS))
    k = kernel.tolist()
    source, target = range(2), range(2, 5)
    within = [
        statistics.mean(k[i][j] for i in part for j in part if i != j) for part in (source, target)
    ]
    between = statistics.mean(k[i][j] for i in source for j in target)
    assert discrepancy(kernel, 2).item() == pytest.approx(sum(within) - 2 * between, abs=1e-5)
