"""A search from the command line: killed, resumed, told."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.conftest import QUICK
from tests.forked import Forked
from tests.sweep.test_sweep import rows

pytest.importorskip("optuna")

SEARCH = (
    *("-m", "hydra/sweeper=kdrun_optuna", *QUICK, "method=supervised", "train.precision=fp32"),
    *("optimizer.lr=choice(0.01,0.05,1e38)", "seed=range(50)"),
)


@pytest.mark.slow
def test_a_search_killed_goes_on_to_as_many_trials(kdrun, tmp_path):
    words = (*SEARCH, "hydra.sweeper.n_trials=9")
    with Forked(*words) as process:
        while len(list(Path().glob("outputs/default/*/metrics.csv"))) < 3:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    told = kdrun(*words)
    assert told.status == 0, told.err
    assert "9 trials: " in told.out
    assert " failed" in told.out  # a rate of 1e38 is tolerated
    command = told.out.splitlines()[-1].split()
    assert command[0] == "kdrun"
    best = max(float(row["val_accuracy"] or 0) for row in rows())
    assert f"best: val_accuracy {best:.4g}" in told.out

    told = kdrun(*command[1:])
    assert told.status == 0
    assert "epoch 1/1" not in told.out  # it is done
    assert kdrun(*words).out.count("epoch 1/1") == 0


def test_a_search_in_processes_runs_several_at_once(kdrun):
    local = ("hydra/launcher=local", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_trials=2")
    told = kdrun(*SEARCH[:-2], "seed=range(9)", *local)
    assert told.status == 0, told.err
    assert "[2/2] begun: seed=" in told.out
    assert "2 trials: 2 ok" in told.out


def test_a_search_that_cannot_begin_is_a_mistake(kdrun):
    told = kdrun(*SEARCH, "train.batch_size=0")
    assert told.status == 2
    assert "train.batch_size=0: must be at least 1" in told.err
    told = kdrun(*SEARCH, "hydra.sweeper.metrics=[test_f1]")
    assert told.status == 2
    assert "test_f1 is read once" in told.err
    told = kdrun(*SEARCH, "dry_run=true")
    assert told.status == 0
    assert "20 trials of" in told.out
