"""A run's files are whole or absent, no row is lost, and what was written is what is read."""

from __future__ import annotations

import csv
import errno
import json
import logging
import math
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from kdrun.results import record as results
from kdrun.results.table import COLUMNS
from tests.fabricated import history, record, save


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    results.write_atomic(path, "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        results.write_atomic(path, "new")
    assert os.listdir(tmp_path) == ["results.csv"]
    assert path.read_text() == "old"


def test_a_file_too_large_for_the_disk_leaves_the_old_file(tmp_path):
    """The same with a real fault: the kernel refuses the write half-way."""
    script = (
        "import resource, signal, sys\n"
        "from kdrun.results.record import write_atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomic(sys.argv[1], 'old')\n"
        "try: write_atomic(sys.argv[1], 'new' * 1000)\n"
        "except OSError as error: print(error.errno)\n"
    )
    path = tmp_path / "x.csv"
    out = subprocess.check_output([sys.executable, "-c", script, path], text=True)
    assert int(out) == errno.EFBIG
    assert os.listdir(tmp_path) == ["x.csv"]
    assert path.read_text() == "old"


def test_only_a_whole_block_makes_a_file(tmp_path):
    def interrupted():
        with results.atomic(tmp_path / "weights") as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []
    with results.atomic(tmp_path / "weights") as temporary:
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"whole")
    assert (tmp_path / "weights").read_bytes() == b"whole"


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    (tmp_path / ".checkpoint.pt.123-4.tmp").write_bytes(b"half")
    (tmp_path / "notes.tmp").write_text("mine")
    results.remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["notes.tmp"]


def test_record_reads_back_as_written(tmp_path):
    one = record(seed=3, loss="dkd")
    one["metrics"]["test_f1"] = np.float32(0.5)
    one["metrics"]["test_nll"] = math.inf
    one["config"]["clip"] = math.inf
    one["config"]["betas"] = (0.9, 0.99)
    results.save_record(tmp_path, one)
    read = results.load_record(tmp_path)
    assert read["run_dir"] == str(tmp_path)
    assert read["schema"] == results.SCHEMA
    assert read["run"] == one["run"]
    assert read["metrics"]["test_f1"] == 0.5
    assert read["metrics"]["test_nll"] is None
    assert read["config"]["clip"] == "inf"
    assert read["config"]["betas"] == [0.9, 0.99]
    assert "run_dir" not in json.loads((tmp_path / "record.json").read_text())


def test_row_leads_with_the_promised_columns_and_leaves_unmeasured_ones_empty(tmp_path):
    results.save_record(tmp_path, record(fold=2, grad_norm=1.5))
    text = (tmp_path / "results.csv").read_text()
    assert text.splitlines()[0].split(",")[: len(COLUMNS)] == list(COLUMNS)
    [flat] = csv.DictReader(text.splitlines())
    assert flat["test_top5"] == ""
    assert flat["grad_norm"] == "1.5"
    assert flat["run_dir"] == "."


def test_an_error_of_many_lines_is_one_line_of_the_row(tmp_path):
    results.save_record(tmp_path, record(error="ValueError: no\n  such, \udcff thing"))
    [flat] = results.read_results(tmp_path / "results.csv")
    assert flat["status"] == "failed"
    assert flat["error"] == "ValueError: no such, \\udcff thing"


@pytest.mark.parametrize("text", ["", '{"schema": 1, "run', "[]", "{}", '{"schema": 1, "run": 0}'])
def test_an_unreadable_record_is_named_and_the_others_stay(tmp_path, caplog, text):
    [good, bad] = save(tmp_path, record(0), record(1))
    (bad / "record.json").write_text(text)
    (tmp_path / "cache").mkdir()
    with caplog.at_level(logging.WARNING):
        rows = results.collect(tmp_path)
    assert [row["run_dir"] for row in rows] == [good.name]
    assert [str(bad) in message for message in caplog.messages] == [True]


def test_a_newer_schema_is_refused(tmp_path):
    save(tmp_path, record())
    [path] = tmp_path.glob("*/record.json")
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(ValueError, match=r"schema 2.*newer kdrun"):
        results.load_record(path.parent)


def write_rows(folder: Path, writer: int) -> None:
    for seed in range(25):
        save(folder, record(seed, loss=f"loss{writer}"))
        results.collect(folder)


def test_eight_processes_lose_no_row(tmp_path):
    with ProcessPoolExecutor(8, mp_context=get_context("fork")) as pool:
        list(pool.map(write_rows, [tmp_path] * 8, range(8)))
    rows = results.read_results(tmp_path / "results.csv")
    assert len(rows) == 200
    assert len({(row["loss"], row["seed"]) for row in rows}) == 200
    assert not list(tmp_path.rglob("*.tmp"))


def test_settings_that_tell_runs_apart_become_columns(tmp_path):
    """The learning rate does; a student's width goes with its name, random_state with the seed."""
    for seed in range(2):
        for lr in (0.1, 0.2):
            save(tmp_path, record(seed, optimizer__lr=lr, model__random_state=seed))
        save(tmp_path, record(seed, student="wrn_16_2", model__width=2))
    rows = results.collect(tmp_path)
    assert [key for key in rows[0] if key not in COLUMNS] == ["test_hash", "split", "optimizer.lr"]
    assert sorted({str(row["optimizer.lr"]) for row in rows}) == ["0.05", "0.1", "0.2"]


def test_a_table_rebuilt_is_the_same_table(tmp_path):
    save(tmp_path, record(0), record(1), record(2, error="RuntimeError: boom"))
    results.collect(tmp_path)
    before = (tmp_path / "results.csv").read_bytes()
    results.collect(tmp_path)
    assert (tmp_path / "results.csv").read_bytes() == before


def test_names_that_look_like_nothing_stay_names(tmp_path):
    names = {"student": "18", "transfer": "none", "loss": "nan", "teacher": "1e5", "method": "True"}
    save(tmp_path, record(seed=7, **names))
    results.collect(tmp_path)
    [row] = results.read_results(tmp_path / "results.csv")
    assert {key: row[key] for key in names} == names
    assert row["seed"] == 7
    assert row["test_top5"] is None
    assert isinstance(row["test_accuracy"], float)


def test_a_table_of_something_else_is_refused(tmp_path):
    (tmp_path / "prices.csv").write_text("fruit,price\napple,3\n")
    with pytest.raises(ValueError, match=r"prices\.csv is not a table of results"):
        results.read_results(tmp_path / "prices.csv")


def test_metrics_begin_with_the_epoch_and_keep_terms_that_come_late(tmp_path):
    rows = [{"loss": 1.5, "epoch": 0}, {"loss": math.nan, "epoch": 1, "loss/at": 0.25}]
    results.write_metrics(tmp_path, rows)
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss,loss/at\n0,1.5,\n1,nan,0.25\n"
    first, second = results.read_metrics(tmp_path)
    assert first == {"epoch": 0, "loss": 1.5, "loss/at": None}
    assert math.isnan(float(second["loss"]))
    results.write_metrics(tmp_path, [])
    assert results.read_metrics(tmp_path) == []
    assert results.read_metrics(tmp_path / "nowhere") == []


def test_metrics_read_back_bit_for_bit(tmp_path):
    rows = history(seed=0, best=0.9, epochs=5)
    results.write_metrics(tmp_path, rows)
    assert results.read_metrics(tmp_path) == rows


def test_results_need_nothing_heavy():
    heavy = "{'torch', 'pandas', 'numpy', 'scipy', 'matplotlib'}"
    script = f"import sys, kdrun.results.record; print({heavy} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"
