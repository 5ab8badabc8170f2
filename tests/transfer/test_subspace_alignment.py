from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from kdrun.transfer.subspace_alignment import align_subspaces


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_it_is_the_papers_formula_and_no_other_rotation_is_nearer(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    source = random.standard_normal((30, 6)) @ random.standard_normal((6, 6))
    target = random.standard_normal((20, 6)) @ random.standard_normal((6, 6)) + 1
    ours, theirs = PCA(k).fit(source), PCA(k).fit(target)
    w_s, w_t = ours.components_.T, theirs.components_.T
    mapped, space = align_subspaces(source, target, k)
    assert np.allclose(mapped, (source - source.mean(0)) @ w_s @ w_s.T @ w_t)
    assert np.allclose(space(target), (target - target.mean(0)) @ w_t)

    best = np.linalg.norm(w_s @ (w_s.T @ w_t) - w_t)
    for _ in range(5):
        other = w_s.T @ w_t + 0.1 * random.standard_normal((k, k))
        assert np.linalg.norm(w_s @ other - w_t) >= best


def test_a_domain_is_aligned_with_itself() -> None:
    rows = np.random.default_rng(0).standard_normal((30, 6))
    mapped, space = align_subspaces(rows, rows, 4)
    assert np.allclose(mapped, space(rows))
