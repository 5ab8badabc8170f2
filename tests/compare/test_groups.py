"""Which runs are put together, which stand apart, and who is held against whom."""

from __future__ import annotations

import pytest

from kdrun.compare.groups import (
    Group,
    choose_baselines,
    columns_apart,
    compare_pairs,
    differing,
    make_groups,
    measured,
    name_values,
    varying,
    without_repeats,
)
from kdrun.results.table import Row, Value


def row(seed: int = 0, accuracy: Value = 0.5, **more: Value) -> Row:
    what: Row = {"method": "distill", "loss": "kd", "student": "a", "epochs": 3, "seed": seed}
    data: Row = {"dataset": "digits", "test_hash": "1", "split": "s", "fold": None}
    return {
        **what,
        **data,
        "test_accuracy": accuracy,
        **{k.replace("__", "."): v for k, v in more.items()},
    }


def group(*rows: Row, **by: Value) -> Group:
    return Group({"loss": "kd", "student": "a", **by}, list(rows))


@pytest.mark.parametrize("value", [None, True, "0.5", float("nan"), float("inf")])
def test_what_is_no_finite_number_was_not_measured(value: Value) -> None:
    assert not measured({"x": value}, "x")
    assert Group({}, [{"x": value}, {"x": 2}, {}]).values("x") == [2.0]


def test_a_group_is_called_by_what_its_runs_share() -> None:
    assert str(group()) == "loss=kd, student=a"
    assert name_values({}) == "all runs"
    assert name_values({"transfer": None}) == "transfer=-"
    assert "\x1b" not in name_values({"loss": "\x1b[2J"})


def test_settings_that_differ_keep_apart_and_the_seed_does_not() -> None:
    rows = [row(0, optimizer__lr=0.1), row(1, optimizer__lr=0.1), row(0, optimizer__lr=0.2)]
    assert columns_apart(rows) == ["optimizer.lr"]
    assert columns_apart([row(0), row(1)]) == []
    assert columns_apart([row(0, threads=1), row(1, threads=2)], ["threads"]) == ["threads"]


def test_what_follows_from_a_name_is_no_column_of_its_own() -> None:
    rows = [row(n % 2, transfer__name=t, transfer__gamma=g) for n, (t, g) in enumerate(
        [("tca", 1), ("tca", 1), ("jan", 2), ("jan", 2)]
    )]  # fmt: skip
    assert columns_apart(rows) == ["transfer.name"]
    assert columns_apart([*rows, row(2, transfer__name="tca", transfer__gamma=5)]) == [
        "transfer.name",
        "transfer.gamma",
    ]


def test_other_data_keep_apart_only_if_nothing_chose_them() -> None:
    moved = [row(0), row(1, test_hash="2")]
    assert columns_apart(moved) == ["test_hash"]
    chosen = [row(0, dataset__size=1), row(1, dataset__size=2, test_hash="2")]
    assert columns_apart(chosen) == ["dataset.size"]
    folds = [row(0, fold=0), row(0, fold=1, test_hash="2")]
    assert columns_apart(folds) == []


def test_a_mean_of_unlike_things_is_refused_with_what_to_do() -> None:
    rows = [row(0), row(1, epochs=9)]
    with pytest.raises(ValueError, match=r"loss=kd mixes different epochs \(3, 9\).*--over epochs"):
        make_groups(rows, ["loss"])
    assert len(make_groups(rows, ["loss"], over=["epochs"])) == 1
    assert len(make_groups(rows, ["loss", "epochs"])) == 2
    (folds,) = make_groups([row(0, fold=0), row(0, fold=1, test_hash="2")], ["loss"])
    assert len(folds.rows) == 2


def test_of_repeats_the_latest_by_the_clock_stays() -> None:
    times = ["2026-01-01T00:30:00+01:00", "2026-01-01T00:00:00+00:00", "2025-12-31T23:45:00"]
    rows = [row(0, n, finished=time) for n, time in enumerate(times)]
    kept, dropped = without_repeats([*rows, row(1)], [])
    assert [one["test_accuracy"] for one in kept] == [1, 0.5]
    assert {one["test_accuracy"] for one in dropped} == {0, 2}
    kept, _ = without_repeats([row(0, 1), row(0, 2)], [])
    assert [one["test_accuracy"] for one in kept] == [2]  # none says when: the last
    assert len(without_repeats([row(0, notes="x"), row(0, notes="y")], ["notes"])[0]) == 2


def test_each_group_is_held_against_the_base_that_is_most_like_it() -> None:
    made = {
        (loss, who): group(row(), loss=loss, student=who) for loss in ["kd", "ce"] for who in "ab"
    }
    groups = list(made.values())
    found = choose_baselines(groups, {"loss": "ce"})
    assert found == [made["ce", "a"], made["ce", "b"], made["ce", "a"], made["ce", "b"]]
    lonely = group(row(), loss="at", student="c")
    assert choose_baselines([*groups, lonely], {"loss": "ce"})[-1] is None  # two are as like it
    elsewhere = group(row(test_hash="2"), loss="at", student="c")
    alone = choose_baselines([made["ce", "a"], elsewhere], {"loss": "ce"})
    assert alone == [made["ce", "a"], None]
    with pytest.raises(ValueError, match="no group has loss=dkd: loss is one of ce, kd"):
        choose_baselines(groups, {"loss": "dkd"})


def test_only_runs_of_one_seed_on_the_same_test_data_are_a_pair() -> None:
    ours = group(row(0, 0.9), row(1, 0.7), row(2, 0.5, test_hash="2"), row(3, None))
    theirs = group(row(0, 0.6), row(1, 0.5), row(2, 0.1), row(3, 0.1))
    test, alone = compare_pairs(ours, theirs, "test_accuracy", [])
    assert test is not None
    assert test.n == 2
    assert test.mean == pytest.approx((0.3 + 0.2) / 2)
    assert alone == 3
    assert compare_pairs(group(row(0)), group(row(1)), "test_accuracy", []) == (None, 2)
    within = [group(row(0, 1, noise=0.1)), group(row(0, 1, noise=0.2))]
    assert compare_pairs(*within, "test_accuracy", ["noise"])[0] is None


def test_columns_that_differ_anywhere_or_inside_a_group() -> None:
    rows = [row(0, loss="kd"), row(1, loss="ce")]
    assert differing(rows, ["seed", "loss", "student"]) == ["seed", "loss"]
    assert varying([[one] for one in rows], ["seed", "loss"]) == []
    assert varying([rows, rows[:1]], ["loss", "epochs"]) == ["loss"]
