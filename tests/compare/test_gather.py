"""What was typed becomes rows: each run once, wherever it lies and however it is named."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from kdrun.compare.gather import gather, in_folder
from kdrun.results.record import collect
from tests.fabricated import record, save


def names(*paths: object) -> list[object]:
    return [row["run_id"] for row in gather([str(path) for path in paths])]


def test_a_run_a_sweep_and_a_folder_of_sweeps_are_named_alike(tmp_path: Path) -> None:
    ours = save(tmp_path / "one", record(0), record(1))
    (other,) = save(tmp_path / "two", record(2))
    everything = [path.name for path in (*ours, other)]
    assert names(tmp_path) == everything
    assert names(tmp_path / "one") == everything[:2]
    assert names(other) == [other.name]
    assert names(other / "record.json") == [other.name]
    assert names(tmp_path / "o*", tmp_path / "two") == everything
    assert [r["run_id"] for r in in_folder(str(tmp_path / "two"))] == [other.name]


def test_a_run_that_is_named_twice_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run, _) = save(tmp_path, record(0), record(1))
    collect(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert len(gather([str(tmp_path), ".", run.name, "results.csv"])) == 2


def test_a_table_is_enough_and_its_runs_lie_beside_it(tmp_path: Path) -> None:
    runs = save(tmp_path / "sweep", record(0), record(1))
    collect(tmp_path / "sweep")
    for run in runs:
        shutil.rmtree(run)
    table = tmp_path / "sweep" / "results.csv"
    rows = gather([str(table)])
    assert [row["run_dir"] for row in rows] == [str(run) for run in runs]
    assert not any("table_file" in row for row in rows)  # each knows its setup
    text = table.read_text().replace("setup", "no_setup", 1)
    table.write_text(text)
    assert {row["table_file"] for row in gather([str(table)])} == {str(table)}


def test_what_a_table_does_not_name_comes_from_the_record_and_its_words_stay(
    tmp_path: Path,
) -> None:
    (run,) = save(tmp_path, record(0, **{"optimizer.lr": 0.3}))
    collect(tmp_path)
    (other,) = save(tmp_path / "other", record(1, **{"optimizer.lr": 0.7}))
    table = tmp_path / "results.csv"
    table.write_text(table.read_text().replace(",distill,", ",mine,"))
    rows = {row["run_id"]: row for row in gather([str(table), str(other)])}
    assert rows[run.name]["optimizer.lr"] == 0.3
    assert rows[run.name]["method"] == "mine"
    assert rows[other.name]["optimizer.lr"] == 0.7


def test_what_cannot_be_read_is_told_beside_what_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = save(tmp_path, record(0), record(1))
    (bad / "record.json").write_text("{")
    (tmp_path / "nothing").mkdir()
    with caplog.at_level(logging.WARNING):
        found = names(good, bad / "record.json", tmp_path / "nothing")
    assert found == [good.name]
    assert any("holds no run" in told and "nothing" in told for told in caplog.messages)
    assert any(told.startswith("left out: ") and bad.name in told for told in caplog.messages)


def test_where_nothing_is_found_it_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither exists nor matches as a pattern"):
        gather([os.path.join(tmp_path, "gone*")])
    with pytest.raises(FileNotFoundError, match=r"looked for record\.json in .* two levels"):
        gather([str(tmp_path)])
    (tmp_path / "record.json").write_text("[]")
    with pytest.raises(ValueError, match="not a record of a run"):
        gather([str(tmp_path)])
