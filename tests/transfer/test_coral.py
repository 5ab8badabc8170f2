from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import inv, sqrtm

from kdrun.transfer.coral import Coral
from tests.transfer.trial import logistic


def domains(seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    random = np.random.default_rng(seed)
    source = random.standard_normal((60, 4)) @ random.standard_normal((4, 4))
    return source, random.standard_normal((50, 4)) @ random.standard_normal((4, 4)) + 3


LABELS = np.arange(60) % 3


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 1.0, 30.0]))
def test_it_is_the_papers_formula(seed: int, regularisation: float) -> None:
    source, target = domains(seed)
    mapping = Coral(classifier=logistic(), regularisation=regularisation)
    mapped, space = mapping.align(source, LABELS, target)
    c_s, c_t = (np.cov(rows.T) + regularisation * np.eye(4) for rows in (source, target))
    move = inv(sqrtm(c_s).real) @ sqrtm(c_t).real
    assert np.allclose(mapped, (source - source.mean(0)) @ move + target.mean(0), atol=1e-6)
    assert np.array_equal(space(target), target)


def test_the_source_gets_the_targets_mean_and_covariance() -> None:
    source, target = domains(0)
    mapping = Coral(classifier=logistic(), regularisation=1e-9)
    mapped, _ = mapping.align(source, LABELS, target)
    assert np.allclose(np.cov(mapped.T), np.cov(target.T), atol=1e-5)
    assert np.allclose(mapped.mean(0), target.mean(0))
    kept, _ = Coral(classifier=logistic(), recentre=False).align(source, LABELS, target)
    assert np.allclose(kept.mean(0), source.mean(0))


def test_it_can_be_done_among_the_shared_components() -> None:
    source, target = domains(1)
    mapping = Coral(classifier=logistic(), n_components=2, regularisation=1e-9)
    mapped, space = mapping.align(source, LABELS, target)
    assert mapped.shape == (60, 2)
    assert np.allclose(np.cov(mapped.T), np.cov(space(target).T), atol=1e-5)
    with pytest.raises(ValueError, match="give 1 to 4"):
        Coral(classifier=logistic(), n_components=5).align(source, LABELS, target)
