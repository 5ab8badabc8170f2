"""A seed is a key declared as one; whatever else differs is a setting, and makes another setup."""

from __future__ import annotations

import copy

import pytest

from kdrun.results.record import tabulate_records
from kdrun.results.repeats import FOLLOWS, experiments, setup, tell_apart, whole
from tests.fabricated import record


def configs(*pairs, key="seed"):
    """Configs whose own seed is the first of each pair, and that of the teacher the second."""
    return [{"seed": own, "teacher": {key: its}, "cv": {"fold": own}} for own, its in pairs]


def setups(*pairs, key="seed"):
    return [setup(whole) for whole in experiments(configs(*pairs, key=key))]


@pytest.mark.parametrize("key", ["seed", "random_state"])
def test_a_seed_that_follows_the_runs_own_is_no_setting(key):
    assert len(set(setups((0, 0), (1, 1), (2, 2), key=key))) == 1


def test_seeds_of_a_part_that_are_set_are_settings():
    assert len(set(setups((0, 0), (0, 1), (0, 2)))) == 3


def test_a_part_with_a_fixed_seed_is_one_setup_even_where_the_runs_own_is_the_same():
    assert len(set(setups((4, 5), (5, 5), (6, 5)))) == 1


def test_fixed_and_followed_side_by_side():
    first, *fixed, last = setups((0, 0), (4, 5), (5, 5), (6, 6))
    assert first == last
    assert len(set(fixed)) == 1
    assert fixed[0] != first


@pytest.mark.parametrize("key", ["temperature", "split_seed", "fold", "epochs"])
def test_a_setting_that_happens_to_equal_the_seed_is_a_setting(key):
    assert len(set(setups((1, 1), (2, 2), (8, 8), key=key))) == 3


def test_configs_are_not_changed_and_a_run_without_one_has_no_setup():
    given = configs((0, 0), (1, 0))
    before = copy.deepcopy(given)
    experiments(given)
    assert given == before
    assert setup(*experiments([{}])) is None


def test_what_a_seed_is_in_a_table():
    rows = [{"method": "distill"}, {"method": "distill"}, {"method": "distill"}]
    tell_apart(rows, [{"config": config} for config in configs((0, 0), (1, 1), (1, 7))])
    assert [row["teacher.seed"] for row in rows] == [FOLLOWS, FOLLOWS, 7]
    assert rows[0]["setup"] == rows[1]["setup"] != rows[2]["setup"]


def test_temperatures_that_equal_the_seeds_are_columns_of_a_table():
    runs = [record(n, **{"loss.temperature": n}) for n in (1, 2, 8)]
    rows = tabulate_records([{**run, "run_dir": str(i)} for i, run in enumerate(runs)])
    assert [row["loss.temperature"] for row in rows] == [1, 2, 8]


def read(path, digest, source="1" * 64):
    """A run that read a file, and whose loss is of a plugin."""
    run = record(0, **{"dataset.path": path})
    run["run"]["epochs"] = 1
    files = {"dataset.path": {"path": path, "sha256": digest}}
    return {
        **run,
        "files": files,
        "code": {"kdrun": "c" * 64, "mine.loss": source},
        "run_dir": path,
    }


@pytest.mark.parametrize(
    ("one", "other", "values"),
    [
        (("x.csv", "a" * 64), ("./x.csv", "a" * 64), None),
        (("x.csv", "a" * 64), ("y.csv", "b" * 64), ["x.csv", "y.csv"]),
        (("x.csv", "a" * 64), ("x.csv", "b" * 64), ["x.csv@aaaaaaaa", "x.csv@bbbbbbbb"]),
    ],
)
def test_what_was_read_counts_and_not_how_its_path_is_spelled(one, other, values):
    rows = tabulate_records([read(*one), read(*other)])
    assert (rows[0]["setup"] == rows[1]["setup"]) == (values is None)
    found = [row.get("dataset.path") for row in rows]
    assert found == (values or [None, None])


def test_the_source_of_a_plugin_is_a_setting_and_that_of_kdrun_a_version():
    rows = tabulate_records([read("x", "a" * 64), read("x", "a" * 64, "2" * 64)])
    assert [row["code.mine/loss"] for row in rows] == ["1" * 8, "2" * 8]
    assert rows[0]["setup"] != rows[1]["setup"]
    assert {row["kdrun"] for row in rows} == {"c" * 8}


@pytest.mark.parametrize("files", [{}, {"a.b.c": {"sha256": "0"}}, {"optimizer": 3}, {"x": {}}])
def test_notes_of_files_that_fit_nothing_do_no_harm(files):
    before = whole(record(0))
    assert whole({**record(0), "files": files}) == before
