"""Transport plans: the cheapest one, all mass on its way, and what is said where that fails."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pytest

from kdrun.transfer.mapping import squared_distances
from kdrun.transfer.plan import ITERATIONS, solve

RANDOM = np.random.default_rng(4)
SOURCE, LABELS = RANDOM.standard_normal((40, 3)), np.arange(40) % 2
pytest.importorskip("ot")


def test_the_exact_plan_is_the_cheapest_of_all() -> None:
    cost = RANDOM.random((5, 5))
    found = solve(cost, np.zeros(5, int), "exact")
    least = min(
        sum(cost[row, column] for row, column in enumerate(order)) / 5
        for order in itertools.permutations(range(5))
    )
    assert (found.mass * cost).sum() == pytest.approx(least)
    assert found.astray == pytest.approx(0, abs=1e-12)


def test_of_unlike_numbers_each_sample_has_as_much_as_the_next() -> None:
    mass = solve(RANDOM.random((6, 4)), np.zeros(6, int), "exact").mass
    np.testing.assert_allclose(mass.sum(1), np.full(6, 1 / 6))
    np.testing.assert_allclose(mass.sum(0), np.full(4, 1 / 4))


@pytest.mark.parametrize("kind", ["exact", "entropic", "classes"])
def test_a_plan_does_not_depend_on_the_unit_of_the_costs(kind: Any) -> None:
    cost = squared_distances(SOURCE, SOURCE[::-1] + 1)
    plans = [solve(unit * cost + more, LABELS, kind).mass for unit, more in ((1, 0), (1e6, 0))]
    np.testing.assert_allclose(*plans, atol=1e-9)


def test_more_entropy_spreads_the_mass() -> None:
    cost = squared_distances(SOURCE, SOURCE[::-1] + 1)

    def spread(entropy: float) -> float:
        mass = solve(cost, LABELS, "entropic", entropy=entropy).mass
        return float(-(mass * np.log(mass + 1e-300)).sum())

    assert spread(0.05) < spread(0.2) < spread(2.0) <= np.log(1600) + 1e-9


def test_the_classes_of_the_source_keep_apart_where_they_go() -> None:
    """Of each target sample, most comes from one class."""
    source = np.concatenate([RANDOM.normal(-0.5, 1, (20, 2)), RANDOM.normal(0.5, 1, (20, 2))])
    labels, cost = np.arange(40) // 20, squared_distances(source, source[::2] + 0.3)

    def purity(kind: Any) -> float:
        mass = solve(cost, labels, kind, entropy=0.5, class_weight=5.0).mass
        shares = np.stack([mass[labels == label].sum(0) for label in (0, 1)])
        return float((shares.max(0) / shares.sum(0)).mean())

    assert purity("classes") > purity("entropic") + 0.1


@pytest.mark.parametrize(
    ("kind", "entropy", "told"),
    [
        ("entropic", 1e-12, r"transfer\.entropy=1e-12 is too small for these costs"),
        ("exat", 0.1, r"transfer\.plan=exat is not defined; did you mean 'exact'"),
    ],
)
def test_no_plan_is_told(kind: Any, entropy: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        solve(squared_distances(SOURCE, SOURCE + 3), LABELS, kind, entropy=entropy)


def test_a_plan_that_did_not_converge_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = squared_distances(SOURCE, 2 * SOURCE[::-1])
    monkeypatch.setitem(ITERATIONS, "entropic", 2)
    found = solve(cost, LABELS, "entropic", entropy=0.01)
    assert 0.01 < found.astray < 0.5
    (told,) = caplog.messages
    assert "did not converge in 2 iterations" in told
    assert f"{100 * found.astray:.1f} % of the mass" in told


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ValueError, match=r"needs the package POT: pip install 'kdrun\[ot\]'"):
        solve(np.ones((2, 2)), np.zeros(2, int), "exact")
