from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from kdrun.transfer.pca_mapping import PCAMapping
from tests.transfer.trial import logistic

RANDOM = np.random.default_rng(2)
SOURCE = RANDOM.standard_normal((50, 6)) @ RANDOM.standard_normal((6, 6))
TARGET = RANDOM.standard_normal((40, 6)) @ RANDOM.standard_normal((6, 6)) + 1
LABELS = np.arange(50) % 3


@pytest.mark.parametrize(
    ("basis", "fitted_on"),
    [("shared", np.concatenate([SOURCE, TARGET])), ("source", SOURCE)],
)
def test_one_basis_is_scikit_learns_pca_of_the_samples_it_is_named_after(
    basis: str,
    fitted_on: np.ndarray,  # type: ignore[type-arg]
) -> None:
    mapping = PCAMapping(classifier=logistic(), n_components=3, basis=basis)  # type: ignore[arg-type]
    mapped, space = mapping.align(SOURCE, LABELS, TARGET)
    expected = PCA(3, random_state=0).fit(fitted_on)
    assert np.allclose(mapped, expected.transform(SOURCE))
    assert np.allclose(space(TARGET), expected.transform(TARGET))


def test_separate_bases_differ_by_a_sign_of_the_data_and_one_basis_does_not() -> None:
    """Mirroring both domains alike changes no distance, but may flip components of one alone."""
    mirror = np.diag([1.0, -1, 1, -1, 1, -1])

    def between(basis: str, flip: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        mapping = PCAMapping(classifier=logistic(), n_components=3, basis=basis)  # type: ignore[arg-type]
        mapped, space = mapping.align(SOURCE @ flip, LABELS, TARGET @ flip)
        inner: np.ndarray = mapped @ (space(TARGET @ flip)).T  # type: ignore[type-arg]
        return inner

    for basis in ("shared", "source", "aligned"):
        assert np.allclose(between(basis, np.eye(6)), between(basis, mirror))
    kept = np.abs(between("separate", np.eye(6)))
    assert not np.allclose(kept, np.abs(between("shared", np.eye(6))), atol=0.5)
