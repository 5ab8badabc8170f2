"""Which groups are on the front: ties all, the cheaper of equals, each test data by itself."""

from __future__ import annotations

import json

import pytest

from kdrun.compare import main
from tests.fabricated import record, save


@pytest.fixture
def front(tmp_path, capsys):
    """The losses that have a star, and the notes."""

    def ask(cost, *records, metric="test_accuracy"):
        save(tmp_path, *records)
        words = [str(tmp_path), "--metric", metric, "--pareto", cost, "--format", "json"]
        assert main(words) == 0
        told = json.loads(capsys.readouterr().out)
        return {g["loss"] for g in told["groups"] if g["on_front"]}, told["notes"]

    return ask


def test_fewer_epochs_are_better(front):
    found, _ = front("epochs", record(0, 0.9, loss="a", epochs=5), record(0, 0.9, loss="b"))
    assert found == {"a"}


def test_a_tie_keeps_both_and_rounding_makes_no_difference(front):
    third = [0.1 + 0.2, 0.3]
    found, _ = front(
        "latency_ms",
        *(record(0, 0.9, loss=f"tie{i}", latency_ms=c) for i, c in enumerate(third)),
        record(0, 0.9, loss="dearer", latency_ms=0.4),
        record(0, 0.8, loss="worse", latency_ms=0.3),
    )
    assert found == {"tie0", "tie1"}


def test_only_groups_on_the_same_test_data_compete(front):
    found, _ = front(
        "latency_ms",
        record(0, 0.9, loss="easy", dataset="mnist", test_hash="1", latency_ms=1),
        record(0, 0.5, loss="hard", latency_ms=2),
        record(0, 0.4, loss="beaten", latency_ms=3),
    )
    assert found == {"easy", "hard"}


def test_a_column_of_no_known_direction_is_told(front):
    records = [record(0, 0.9, loss=n, goodness=n == "a") for n in "ab"]
    for one, value in zip(records, (2.0, 1.0), strict=True):
        one["metrics"]["goodness"] = value
    found, notes = front("goodness", *records)
    assert found == {"a"}
    assert any("goodness is better: more is taken for it" in note for note in notes)
