from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eig

from kdrun.transfer.affine import Kernel
from kdrun.transfer.mapping import squared_distances
from kdrun.transfer.pca_mapping import PCAMapping
from kdrun.transfer.tca import TCA
from tests.transfer.trial import as_source, load, logistic, logits, student

RANDOM = np.random.default_rng(3)
SOURCE = RANDOM.standard_normal((40, 6)) * [3, 2, 1, 1, 1, 1]
TARGET = RANDOM.standard_normal((30, 6)) * [3, 2, 1, 1, 1, 1] + [0, 0, 2, 0, 0, 0]
LABELS = (SOURCE[:, 0] > 0).astype(int)


def problem(kernel: np.ndarray, n: int, mu: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """K H K and K L K + μ I with every matrix written out."""
    size = len(kernel)
    kernel = kernel / np.mean(np.diag(kernel))
    centre = np.eye(size) - 1 / size
    apart = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            if (i < n) == (j < n):
                apart[i, j] = 1 / n**2 if i < n else 1 / (size - n) ** 2
            else:
                apart[i, j] = -1 / (n * (size - n))
    return kernel @ centre @ kernel, kernel @ apart @ kernel + mu * np.eye(size)


@pytest.mark.parametrize("mu", [0.01, 1.0, 100.0])
def test_the_components_solve_the_generalised_problem(mu: float) -> None:
    both = np.concatenate([SOURCE, TARGET])
    solved = TCA(classifier=logistic(), n_components=3, mu=mu)._solve(both @ both.T, 40)
    variance, price = problem(both @ both.T, 40, mu)
    values = np.sort(eig(variance, price, right=False).real)[::-1]
    for column, expected in zip(solved.T, values, strict=False):
        found = column @ variance @ column / (column @ price @ column)
        assert found == pytest.approx(expected, rel=1e-6)
    # W is orthogonal in the metric of the price, which a solver for symmetric matrices misses.
    products = solved.T @ price @ solved
    assert np.allclose(products, np.diag(np.diag(products)), atol=1e-8 * products.max())


def distance(ours: np.ndarray, theirs: np.ndarray) -> float:  # type: ignore[type-arg]
    """Squared distance of the means, in units of the variance: the MMD of a linear kernel."""
    spread = np.concatenate([ours, theirs]).var(0).sum()
    return float(((ours.mean(0) - theirs.mean(0)) ** 2).sum() / spread)


def test_it_brings_the_domains_closer_the_less_mu_weighs() -> None:
    mapped, space = PCAMapping(classifier=logistic(), n_components=3).align(SOURCE, LABELS, TARGET)
    before = distance(mapped, space(TARGET))  # type: ignore[operator]
    after = []
    for mu in (1e-4, 1.0, 1e4):
        mapping = TCA(classifier=logistic(), n_components=3, mu=mu)
        mapped, space = mapping.align(SOURCE, LABELS, TARGET)
        after.append(distance(mapped, space(TARGET)))  # type: ignore[operator]
    assert after[0] < after[1] < after[2]
    assert after[0] < 0.01 * before


@pytest.mark.parametrize("scaler", ["source", "per_domain"])
def test_a_gaussian_kernel_is_an_rbf_network(scaler: str) -> None:
    mapping = TCA(classifier=logistic(), n_components=3, kernel="rbf", scaler=scaler)  # type: ignore[arg-type]
    network = student(6, 2, "rbf.RBF", landmarks=90)  # twenty more than there are samples
    mapping(network, as_source(SOURCE, LABELS, 2), load(TARGET))

    def standard(rows: np.ndarray, by: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        scaled: np.ndarray = (rows - by.mean(0)) / by.std(0)  # type: ignore[type-arg]
        return scaled

    source = standard(SOURCE, SOURCE)
    target = standard(TARGET, SOURCE if scaler == "source" else TARGET)
    mapped, space = mapping.align(source, LABELS, target)
    assert isinstance(space, Kernel)
    fitted = logistic().fit(mapped, LABELS)
    between = np.exp(-space.gamma * squared_distances(target, space.centres))
    decision = fitted.decision_function(space.after(between))
    found = logits(network, TARGET).numpy()
    assert np.allclose(found[:, 1] - found[:, 0], decision, atol=1e-3)


def test_more_samples_than_allowed_are_drawn_from_both_domains() -> None:
    mapping = TCA(classifier=logistic(), n_components=3, kernel="rbf", max_samples=20)
    mapped, space = mapping.align(SOURCE, LABELS, TARGET)
    assert isinstance(space, Kernel)
    assert len(space.centres) == 20
    assert len(mapped) == 40
    assert sum((row == SOURCE).all(1).any() for row in space.centres) == 10
