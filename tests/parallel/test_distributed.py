"""Runs of two processes: alone, in a sweep, cut off in every way, and by torchrun itself."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kdrun.parallel.distributed import RankError, _error
from kdrun.train import NonFiniteLossError
from tests.conftest import QUICK
from tests.forked import Forked
from tests.sweep.test_sweep import ACCIDENTS, FAULTY, rows

TWO = ("train.devices=2", "train.precision=fp32")


def curves(run: Path) -> list[dict[str, str]]:
    """metrics.csv without its times."""
    with (run / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    return [
        {k: v for k, v in row.items() if "seconds" not in k and "second" not in k} for row in table
    ]


def the_run(name: str, seed: int) -> Path:
    (run,) = Path("outputs", name).glob(f"*_s{seed}-*/")
    return run


@pytest.mark.slow
def test_a_dead_rank_costs_its_run_which_goes_on_to_the_same_bits(kdrun, monkeypatch):
    Path("faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(".")
    told = kdrun("-m", *ACCIDENTS, *TWO, "seed=7,8")  # a rank of seed 7 is killed in epoch 2
    assert told.status == 1
    failed, done = sorted(rows(), key=lambda row: row["seed"])
    assert (failed["status"], done["status"]) == ("failed", "ok"), told
    assert failed["error"].startswith("RankError: rank ")
    assert "of the training: killed by SIGKILL; was there enough memory?" in failed["error"]
    assert (the_run("default", 7) / "checkpoint.pt").exists()

    told = kdrun(*ACCIDENTS, *TWO, "seed=7")
    assert told.status == 0
    assert "continuing after epoch 1" in told.out
    assert kdrun(*ACCIDENTS, *TWO, "seed=7", "name=whole").status == 0
    resumed, whole = the_run("default", 7), the_run("whole", 7)
    assert resumed.name == whole.name
    weights = [(run / "student.safetensors").read_bytes() for run in (resumed, whole)]
    assert weights[0] == weights[1]
    assert curves(resumed) == curves(whole)

    assert kdrun(*ACCIDENTS, "seed=7", "name=alone", "train.precision=fp32").status == 0
    alone = the_run("alone", 7)
    assert alone.name == whole.name  # on how many devices is not what a run is
    expected = load_file(alone / "student.safetensors")
    for name, tensor in load_file(whole / "student.safetensors").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-4)


def children(parent: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True)
    return [int(word) for word in told.stdout.split()]


@pytest.mark.parametrize(
    ("last", "status"),
    [(signal.SIGKILL, -9), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_no_rank_outlives_the_run(tmp_path, monkeypatch, last, status):
    monkeypatch.chdir(tmp_path)
    process = Forked(*QUICK, *TWO, "method=supervised", "train.epochs=10000")
    while not (saved := list(Path("outputs").rglob("checkpoint.pt"))):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    (agent,) = children(process.pid)
    own = [agent, *children(agent)]
    assert len(own) == 3
    process.send_signal(last)
    process.communicate()
    assert process.returncode == status
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in own):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert saved[0].exists()
    how = "interrupted" if last is signal.SIGINT else "running"
    assert json.loads(saved[0].with_name("record.json").read_text())["status"] == how


def test_torchrun_is_refused_with_what_to_type(tmp_path):
    call = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "kdrun"]
    told = subprocess.run(
        [*call, "-m", "seed=0,1", "train.devices=1"],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert told.returncode != 0
    assert "kdrun -m seed=0,1 train.devices=2\n" in told.stderr
    assert told.stderr.count("kdrun: ") == 1
    assert not (tmp_path / "outputs").exists()


def test_what_a_rank_raised_is_raised_by_the_run():
    def raised(error: str) -> Exception:
        return _error({"who": "rank 1 of the training", "error": error, "traceback": "..."}, 1)

    error = raised("NonFiniteLossError: loss term kd is not finite")
    assert isinstance(error, NonFiniteLossError)
    assert str(error) == "loss term kd is not finite"
    assert error.__notes__ == ["..."]
    assert isinstance(raised("ValueError: img.png is damaged"), ValueError)
    error = raised("OSError: [Errno 28] No space left on device")
    assert isinstance(error, RankError)
    assert str(error).startswith("rank 1 of the training: OSError: ")
    assert "killed by SIGKILL" in str(_error({}, -9))


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("train.devices=0",), "train.devices=0: must be at least 1"),
        (("train.devices=2", "train.device=mps"), "train.device=mps is one device"),
        (("train.devices=2", "train.compile=true"), "train.compile=true is for one device"),
    ],
)
def test_devices_that_cannot_be_are_told(kdrun, words, fault):
    told = kdrun(*QUICK, *words)
    assert told.status == 2
    assert fault in told.err
