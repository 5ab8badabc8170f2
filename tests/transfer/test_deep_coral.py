"""Correlation alignment against numpy's covariance."""

from __future__ import annotations

import numpy as np

from kdrun.transfer.deep_coral import DeepCORAL
from tests.transfer.domains import said, value


def test_it_is_the_paper_s_distance() -> None:
    source, target = said(6), said(9, seed=1)
    assert source.embedding is not None
    assert target.embedding is not None
    apart = np.cov(source.embedding.numpy().T) - np.cov(target.embedding.numpy().T)
    expected = np.linalg.norm(apart, "fro") ** 2 / (4 * 5**2)
    np.testing.assert_allclose(value(DeepCORAL(), source, target).item(), expected, rtol=1e-9)


def test_the_means_do_not_matter() -> None:
    source = said(6)
    moved = source._replace(embedding=source.embedding + 5)  # type: ignore[operator]
    assert value(DeepCORAL(), source, moved).item() < 1e-20
