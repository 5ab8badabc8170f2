"""The statistics of compare equal scipy.stats, and hold where scipy's are undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kdrun.compare.statistics import holm, interval, paired, sign_flip, spread

scores = st.integers(0, 360).map(lambda hits: hits / 360)  # of a test set of 360
differences = st.lists(st.integers(-36, 36).map(lambda hits: hits / 360), min_size=2, max_size=8)


@given(differences)
def test_paired_t_equals_scipy(values):
    found = paired(values)
    if len(set(values)) == 1:
        assert (found.p_t, found.low, found.high) == (None, None, None)
        return
    expected = stats.ttest_rel(values, np.zeros(len(values)))
    assert found.p_t == pytest.approx(expected.pvalue, rel=1e-9)
    bounds = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)


@given(differences)
def test_sign_flip_counts_every_assignment_of_signs(values):
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(values))).reshape(len(values), -1).T
    sums = np.abs(signs @ np.array(values))
    expected = np.mean(sums >= abs(sum(values)) - 1e-9)
    p, least = sign_flip(values)
    assert p == pytest.approx(expected)
    assert p >= least == 2 / 2 ** len(values)


def test_sign_flip_equals_scipy():
    values = np.random.default_rng(1).normal(0.4, 1, size=9)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(values)[0] == pytest.approx(expected.pvalue)


def test_three_seeds_cannot_be_significant_without_assumptions():
    assert sign_flip([0.1, 0.2, 0.3]) == (0.25, 0.25)


def test_sign_flip_of_many_pairs_is_near_the_t_test():
    values = np.random.default_rng(2).normal(0.25, 1, size=60)
    assert sign_flip(values)[0] == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


@given(st.lists(scores, min_size=2, max_size=12))
def test_interval_lies_around_the_mean_and_within_the_range(values):
    low, high = interval(values)
    assert min(values) - 1e-12 <= low <= np.mean(values) + 1e-12
    assert np.mean(values) - 1e-12 <= high <= max(values) + 1e-12


@pytest.mark.parametrize("n", [3, 5, 7, 200])
def test_interval_is_near_scipys_bootstrap(n):
    values = np.random.default_rng(n).normal(size=n)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert interval(values) == pytest.approx((expected.low, expected.high), abs=0.05)


def test_interval_covers_the_truth_nearly_as_often_as_it_says():
    samples = np.random.default_rng(0).normal(size=(400, 20))
    covered = [low < 0 < high for low, high in map(interval, samples)]
    assert 0.89 < np.mean(covered) < 0.98


def test_a_single_value_has_no_spread():
    assert spread([0.9]) is None
    assert interval([0.9]) is None
    assert spread([1.0, 3.0]) == pytest.approx(math.sqrt(2))


def test_one_pair_is_no_test():
    found = paired([0.1])
    assert (found.n, found.p_t, found.p_flip, found.least) == (1, None, 1.0, 1.0)


def test_holm_by_hand():
    # 4 × 0.01, 3 × 0.02, then 2 × 0.03 and 0.04, which must not fall below it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    ranked = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)
    bonferroni = [min(1.0, p * len(p_values)) for p in p_values]
    assert all(a <= b for a, b in zip(adjusted, bonferroni, strict=True))
