from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kdrun.transfer.mapping import squared_distances
from kdrun.transfer.optimal_transport import OptimalTransport
from kdrun.transfer.plan import solve
from tests.transfer.trial import Halves, as_source, load, logistic, student

RANDOM = np.random.default_rng(4)
SOURCE, LABELS = RANDOM.standard_normal((40, 3)), np.arange(40) % 2
RIGHT = np.array([5.0, 0.0, 0.0])
pytest.importorskip("ot")


def test_the_exact_plan_finds_where_each_sample_went() -> None:
    moved = SOURCE + RIGHT  # a translation is its own cheapest plan
    order = RANDOM.permutation(40)
    mapping = OptimalTransport(classifier=logistic(), plan="exact")
    mapped, space = mapping.align(SOURCE, LABELS, moved[order])
    assert np.allclose(mapped, moved)
    assert np.array_equal(space(moved), moved)


@pytest.mark.parametrize("plan", ["entropic", "classes"])
def test_regularised_plans_send_samples_among_the_targets(plan: str) -> None:
    mapping = OptimalTransport(classifier=logistic(), plan=plan)  # type: ignore[arg-type]
    mapped, _ = mapping.align(SOURCE, LABELS, SOURCE + 2)
    assert (mapped >= (SOURCE + 2).min(0) - 1e-9).all()
    assert (mapped <= (SOURCE + 2).max(0) + 1e-9).all()


def test_samples_beyond_the_plan_follow_their_neighbours() -> None:
    mapping = OptimalTransport(classifier=logistic(), plan="exact", max_samples=30)
    mapped, _ = mapping.align(SOURCE, LABELS, SOURCE + RIGHT)
    assert mapped.shape == SOURCE.shape
    assert abs(mapped[:, 0].mean() - 5) < 0.5


def test_without_a_shift_little_is_lost() -> None:
    data = Halves(0)
    mapping = OptimalTransport(classifier=logistic(), plan="exact", scaler="none")
    assert data.accuracy(mapping) > 0.92


def test_a_plan_that_underflows_is_told() -> None:
    mapping = OptimalTransport(classifier=logistic(), plan="entropic", entropy=1e-12)
    with pytest.raises(ValueError, match="entropy=1e-12 is too small"):
        mapping.align(SOURCE, LABELS, SOURCE + 3)


@pytest.mark.parametrize("plan", ["exact", "entropic", "classes"])
def test_all_mass_arrives_whatever_the_features_are_stored_in(plan: Any) -> None:
    """In float32 the kernel of distant samples underflows, and POT only warns of it."""
    generator = np.random.default_rng(0)
    source = generator.standard_normal((90, 5)).astype(np.float32)
    target = 30 * generator.standard_normal((70, 5)).astype(np.float32) + 9
    labels = np.arange(90) % 3
    cost = squared_distances(source, target)
    found = solve(cost, labels, plan)
    assert found.mass.dtype == np.float64
    assert np.allclose(found.mass.sum(1), 1 / 90, rtol=0.05)
    assert np.allclose(found.mass.sum(0), 1 / 70, rtol=0.05)
    assert found.astray < 1e-3
    mapping = OptimalTransport(classifier=logistic(), plan=plan, scaler="none")
    mapping(student(5, 3), as_source(source, labels, 3), load(target))
    assert mapping.report["plan_astray"] == pytest.approx(found.astray, abs=1e-3)
