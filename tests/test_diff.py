"""`kdrun diff` shows the settings that differ, and only those."""

from __future__ import annotations

import pytest

from kdrun.diff import compare_configs, main
from tests.fabricated import record, save


def test_only_what_differs_is_shown(tmp_path, capsys):
    a, b = save(tmp_path, record(0), record(1, loss="dkd", optimizer__lr=0.1, loss__tau=4))
    assert compare_configs(a, b) == [
        ("loss.name", "kd", "dkd"),
        ("loss.tau", "-", "4"),
        ("optimizer.lr", "0.05", "0.1"),
        ("seed", "0", "1"),
    ]
    assert main([str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [f"A: {a}", f"B: {b}"]
    assert len(out.splitlines()) == 3 + 6
    assert "momentum" not in out


def test_a_setting_that_only_one_has_and_a_part_that_is_absent(tmp_path):
    one, other = record(0), record(1)
    one["config"] = {"scheduler": None, "betas": [0.9, 0.99]}
    other["config"] = {
        "scheduler": {"name": "cosine", "warmup": {"epochs": 5}},
        "betas": [0.9, 0.999],
    }
    a, b = save(tmp_path, one, other)
    assert compare_configs(a, b) == [
        ("betas", "[0.9, 0.99]", "[0.9, 0.999]"),
        ("scheduler.name", "-", "cosine"),
        ("scheduler.warmup.epochs", "-", "5"),
    ]


def test_a_run_and_itself_do_not_differ(tmp_path, capsys):
    [run] = save(tmp_path, record())
    assert main([str(run), str(run)]) == 0
    assert capsys.readouterr().out == "the configs of both runs are the same\n"


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
