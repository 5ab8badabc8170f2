"""Runs that differ in what no column names are never averaged, unless somebody asks for it."""

from __future__ import annotations

import json
import shutil

import pytest

from kdrun.compare import main
from kdrun.results.record import collect
from kdrun.results.table import read_csv, to_csv
from tests.fabricated import record, save


@pytest.fixture
def answer(capsys):
    """What a comparison says."""

    def ask(*words):
        assert main([*map(str, words), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def table(folder, lr, lose=(), seeds=(0, 1), keep=False):
    """The table of a sweep that has one learning rate, without the runs, and less some columns."""
    save(folder, *(record(seed, **{"optimizer.lr": lr}) for seed in seeds))
    collect(folder)
    path = folder / "results.csv"
    rows = [{k: v for k, v in row.items() if k not in lose} for row in read_csv(path)]
    path.write_text(to_csv(rows, leading=()))
    for run in folder.iterdir():
        if run.is_dir() and not keep:
            shutil.rmtree(run)
    return path


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("lose", [(), ("setup",)])
def test_a_setting_that_no_table_names_keeps_runs_apart(tmp_path, answer, keep, lose):
    """The learning rate of either table is the same in all of its rows, so it is no column."""
    paths = [table(tmp_path / str(lr), lr, lose, keep=keep) for lr in (0.002, 1e-5)]
    told = answer(*paths)
    assert [group["n"] for group in told["groups"]] == [2, 2]
    if keep:  # the records are there, and say what it is
        assert {group["optimizer.lr"] for group in told["groups"]} == {0.002, 1e-5}
    else:
        assert told["by"] == ["table_file" if lose else "setup"]
        assert any("not name" in note for note in told["notes"])


def test_tables_of_one_setup_are_averaged_and_learn_each_others_settings(tmp_path, answer):
    paths = [table(tmp_path / str(seed), 0.002, seeds=[seed]) for seed in (0, 1)]
    assert [group["n"] for group in answer(*paths)["groups"]] == [2]
    both = tmp_path / "both"
    save(both, record(2, **{"optimizer.lr": 0.002}), record(2, **{"optimizer.lr": 0.5}))
    found = {group["optimizer.lr"]: group["n"] for group in answer(both, *paths)["groups"]}
    assert found == {0.002: 3, 0.5: 1}


def test_unknown_rows_are_averaged_over_tables_where_that_is_asked_for(tmp_path, answer):
    paths = [table(tmp_path / str(n), 0.1, ["setup"], seeds=[n]) for n in (0, 1)]
    told = answer(*paths, "--over", "table_file")
    assert [group["n"] for group in told["groups"]] == [2]
    assert any("say nothing of what their table does not name" in note for note in told["notes"])


@pytest.mark.parametrize("column", ["torch", "kdrun", "commit"])
@pytest.mark.parametrize("by", [(), ("--by", "loss")])
def test_runs_of_other_code_are_told_and_averaged_only_if_asked(tmp_path, answer, column, by):
    runs = [record(seed) for seed in range(4)]
    for run in runs[2:]:
        (run["run"] if column == "commit" else run["versions"])[column] = "9.9"
    save(tmp_path, *runs)
    told = answer(tmp_path, *by)
    assert [group["n"] for group in told["groups"]] == [2, 2]
    assert any("same code" in note and f"--over {column}" in note for note in told["notes"])
    asked = answer(tmp_path, *by, "--over", column)
    assert [group["n"] for group in asked["groups"]] == [4]
    assert any("same code" in note for note in asked["notes"])


def test_three_seeds_of_a_teacher_are_three_settings(tmp_path, answer):
    save(tmp_path, *(record(0, **{"teacher__seed": seed}) for seed in (0, 1, 2)))
    told = answer(tmp_path)
    assert told["by"] == ["teacher.seed"]
    assert [group["n"] for group in told["groups"]] == [1, 1, 1]
    assert not any("left out" in note for note in told["notes"])


def test_a_setting_averaged_over_on_purpose_stays_so(tmp_path, answer):
    save(tmp_path, *(record(0, **{"optimizer.lr": lr}) for lr in (0.1, 0.2)))
    assert [group["n"] for group in answer(tmp_path, "--over", "optimizer.lr")["groups"]] == [2]
    assert [group["n"] for group in answer(tmp_path, "--by", "loss")["groups"]] == [2]


def test_of_repeats_the_latest_by_the_clock_counts(tmp_path, answer):
    late, early = record(0, 0.7), record(0, 0.6)
    early["finished"] = "2025-01-01T00:00:00+01:00"
    save(tmp_path / "a", late)
    save(tmp_path / "b", early)
    told = answer(tmp_path / "a", tmp_path / "b")
    assert [group["test_accuracy"] for group in told["groups"]] == [0.7]
    assert any("a later one" in note for note in told["notes"])
