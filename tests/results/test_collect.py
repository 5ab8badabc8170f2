"""`kdrun collect` rebuilds the table of a sweep, and touches nothing else."""

from __future__ import annotations

import os

import pytest

from kdrun.results.collect import main
from kdrun.results.record import read_results
from tests.fabricated import record, save


def test_rebuilds_the_table_from_the_records_and_counts_its_rows(tmp_path, capsys):
    save(tmp_path, record(0), record(1), record(2, error="RuntimeError: boom"))
    (tmp_path / "results.csv").write_text("lost")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/results.csv: 3 rows (1 failed, 2 ok)\n"
    rows = read_results(tmp_path / "results.csv")
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert all((tmp_path / str(row["run_dir"]) / "record.json").exists() for row in rows)


def test_an_unreadable_record_is_told_and_the_others_stay(tmp_path, capsys, caplog):
    [_, bad] = save(tmp_path, record(0), record(1))
    (bad / "record.json").write_text("{")
    assert main([str(tmp_path)]) == 0
    assert "1 row (1 ok)" in capsys.readouterr().out
    assert str(bad) in caplog.text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "is no folder"),
        ("empty", "no run was found: looked for "),
        ("sweep/run", "is itself a run; name the folder around it"),
    ],
)
def test_a_mistake_is_one_message_and_changes_no_file(tmp_path, capsys, name, told):
    (tmp_path / "empty").mkdir()
    [run] = save(tmp_path / "sweep", record())
    run.rename(tmp_path / "sweep" / "run")
    table = (tmp_path / "sweep" / "run" / "results.csv").read_bytes()
    assert main([str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kdrun collect: ")
    assert told in err
    assert err.count("\n") == 1
    assert os.listdir(tmp_path / "empty") == []
    assert (tmp_path / "sweep" / "run" / "results.csv").read_bytes() == table
