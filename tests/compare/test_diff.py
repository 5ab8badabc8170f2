"""`kdrun diff` shows the settings that differ, and only those."""

from __future__ import annotations

import pytest

from kdrun.compare.diff import compare_configs, main
from kdrun.results.record import load_record
from tests.fabricated import record, save


def test_only_what_differs_is_shown(tmp_path, capsys):
    a, b = save(tmp_path, record(0), record(1, loss="dkd", optimizer__lr=0.1, loss__tau=4))
    assert compare_configs(load_record(a), load_record(b)) == [
        ("loss.name", "kd", "dkd"),
        ("loss.tau", "-", "4"),
        ("optimizer.lr", "0.05", "0.1"),
        ("seed", "0", "1"),
    ]
    assert main([str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [f"A: {a}", f"B: {b}"]
    made, metrics = out.split("\n\n")[1:]
    assert len(made.splitlines()) == 2 + 4
    assert metrics.splitlines()[0].split() == ["metric", "A", "B"]
    assert any(line.startswith("test_accuracy [%]") for line in metrics.splitlines())
    assert "momentum" not in out


def test_a_setting_that_only_one_has_and_a_part_that_is_absent(tmp_path):
    one, other = record(0), record(1)
    one["config"] = {"scheduler": None, "betas": [0.9, 0.99]}
    other["config"] = {
        "scheduler": {"name": "cosine", "warmup": {"epochs": 5}},
        "betas": [0.9, 0.999],
    }
    a, b = save(tmp_path, one, other)
    assert compare_configs(load_record(a), load_record(b)) == [
        ("betas", "[0.9, 0.99]", "[0.9, 0.999]"),
        ("scheduler.name", "-", "cosine"),
        ("scheduler.warmup.epochs", "-", "5"),
    ]


def test_a_run_and_itself_do_not_differ(tmp_path, capsys):
    [run] = save(tmp_path, record())
    assert main([str(run), str(run)]) == 0
    out = capsys.readouterr().out
    assert "the configs of both runs are the same" in out
    assert "setting" not in out


def test_code_and_data_that_differ_and_metrics_that_one_lacks(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    one, other = record(0, 0.9), record(0, 0.8, loss="dkd", test_hash="0" * 8, grad_norm=1.5)
    other["versions"]["torch"] = "2.99"
    other["config"]["student"]["model"] = {"widths": list(range(60)), "escape": "\x1b[2J"}
    a, b = save(tmp_path, one, other)
    assert main([str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines()[2:])) <= 80
    lines = [line.split() for line in out.splitlines()]
    assert ["torch", "2.15.0", "2.99"] in lines
    assert ["test_hash", "9f3c51aa", "00000000"] in lines
    assert ["test_accuracy", "[%]", "90.00", "80.00"] in lines
    assert ["grad_norm", "-", "1.5"] in lines


@pytest.mark.parametrize("text", [None, "{", '{"schema": 9, "run_id": "", "status": "ok"}'])
def test_what_is_no_run_is_named(tmp_path, capsys, text):
    a, b = save(tmp_path, record(0), record(1))
    path = b / "record.json"
    path.unlink() if text is None else path.write_text(text)
    assert main([str(a), str(b)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"kdrun diff: {b}")
    assert err.count("\n") == 1
