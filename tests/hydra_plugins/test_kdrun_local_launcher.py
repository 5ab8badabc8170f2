"""A process for each job: one is killed, all are told to stop, the parent dies."""

from __future__ import annotations

import csv
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import QUICK
from tests.forked import Forked
from tests.sweep.test_sweep import ACCIDENTS, FAULTY, children

LOCAL = ("-m", "hydra/launcher=local", "hydra.launcher.n_jobs=2")


def rows() -> list[dict[str, str]]:
    with Path("outputs/default/results.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_killed_process_costs_its_own_job_which_goes_on_later(kdrun):
    Path("faulty.py").write_text(FAULTY)
    told = kdrun(*LOCAL, *ACCIDENTS, "seed=7,8")
    assert told.status == 1
    assert "failed: seed=7: killed by SIGKILL; was there enough memory?" in told.out
    failed, done = sorted(rows(), key=lambda row: row["seed"])
    assert (failed["status"], done["status"]) == ("failed", "ok")
    assert failed["error"].startswith("killed by SIGKILL")

    told = kdrun(*LOCAL, *ACCIDENTS, "seed=7,8")
    assert told.status == 0
    assert "2 of 2 runs ok, 1 of them before" in told.out
    (log,) = Path("outputs/default").glob("*s7-*/run.log")
    assert "continuing after epoch 1" in log.read_text()


def test_no_process_outlives_the_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = (*LOCAL, *QUICK, "method=supervised", "train.epochs=10000", "seed=0,1")
    for last, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        process = Forked(*words)
        while len(own := children(process.pid)) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(last)
        process.communicate()
        assert process.returncode == status
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in own):
            assert time.monotonic() < deadline
            time.sleep(0.02)
