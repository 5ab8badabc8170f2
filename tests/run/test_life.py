"""The life of a run: killed, resumed, locked, out of disk."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdrun.files import checkpoint
from tests.conftest import QUICK
from tests.forked import Forked

LONG = (
    *("teacher=mlp", "student=mlp", "train.epochs=12", "train.accumulate=2", "train.ema=0.9"),
    *("train.early_stop=99", "train.precision=fp32", "train.progress=false"),
    *("dataset.augment.flip=true", "dataset.augment.rotate=5"),
)
TIMES = ("seconds", "samples_per_second")


def metrics(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    call = [sys.executable, "-m", "kdrun", *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(call, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, **quiet)


def epochs_of(folder: Path) -> int:
    found = list(folder.glob("outputs/default/*/metrics.csv"))
    return len(metrics(found[0])) if found else 0


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_killed_it_ends_with_the_same_bits(tmp_path, kills):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    whole.mkdir()
    torn.mkdir()
    # The trial's in a new interpreter, which takes seconds to begin.
    uninterrupted = start(whole, *LONG) if kills > 1 else Forked(*LONG, folder=whole)
    assert uninterrupted.wait() == 0

    chance = random.Random(0)
    for kill in range(kills):
        process = Forked(*LONG, folder=torn)
        # In the middle of some epoch after the first that this process finished.
        while process.poll() is None and epochs_of(torn) < 3 * kill + 1:
            time.sleep(0.02)
        time.sleep(chance.random() * 0.1)
        assert process.poll() is None  # it was to be killed, and had not ended
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert Forked(*LONG, folder=torn).wait() == 0

    (a,) = whole.glob("outputs/default/*/")
    (b,) = torn.glob("outputs/default/*/")
    assert a.name == b.name
    weights = [(run / "student.safetensors").read_bytes() for run in (a, b)]
    assert weights[0] == weights[1]
    assert metrics(a / "metrics.csv") == metrics(b / "metrics.csv")
    assert not list(b.glob(".*.tmp"))


def test_a_full_disk_is_a_failed_run_and_keeps_the_checkpoint(kdrun, monkeypatch):
    real, calls = checkpoint.save_state, []

    def fills_up(path, state):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(path, state)

    monkeypatch.setattr("kdrun.run.course.save_state", fills_up)
    words = (*QUICK, "method=supervised", "train.epochs=3")
    told = kdrun(*words)
    assert told.status == 1
    assert "No space left on device" in told.err
    (run,) = Path("outputs/default").glob("supervised_*")
    assert checkpoint.load_state(run / "checkpoint.pt")["epoch"] == 1

    told = kdrun(*words)  # there is room again
    assert told.status == 0
    assert "continuing after epoch 1" in told.out
    assert len(metrics(run / "metrics.csv")) == 3


def test_ctrl_c_keeps_what_there_is(kdrun, monkeypatch):
    real, calls = checkpoint.save_state, []

    def interrupted(path, state):
        real(path, state)
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("kdrun.run.course.save_state", interrupted)
    words = (*QUICK, "method=supervised", "train.epochs=2")
    assert kdrun(*words).status == 130
    assert kdrun(*words).status == 0


def test_two_processes_do_a_run_once(tmp_path):
    words = (*QUICK, "method=supervised")
    processes = [Forked(*words, folder=tmp_path) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    (log,) = tmp_path.glob("outputs/default/*/run.log")
    assert log.read_text().count("epoch 1/1") == 1


@pytest.mark.parametrize("broken", ["x_nan", "x_short", "y_range", "pickled"])
def test_bad_data_are_told_before_training(kdrun, broken):
    import numpy as np

    x = np.zeros((20, 4), np.float32)
    y = np.arange(20) % 2
    arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    if broken == "x_nan":
        arrays["x_train"] = x + np.float32("nan")
    elif broken == "x_short":
        arrays["x_train"] = x[:-1]
    elif broken == "y_range":
        arrays["y_test"] = y + 5
    else:
        arrays["x_train"] = np.array([None] * 20)
    np.savez("data.npz", **arrays)
    told = kdrun("dataset=npz", "dataset.path=data.npz", *QUICK, "teacher=mlp")
    assert told.status == 2
    assert "dataset data: " in told.err
    assert "Traceback" not in told.err
    assert not list(Path("outputs").rglob("checkpoint.pt"))
