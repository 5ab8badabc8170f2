"""Queued jobs, with submitit's local executor in the place of a queue."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kdrun.config import folder
from kdrun.remote import Command
from tests.conftest import QUICK
from tests.test_sweep import ACCIDENTS, FAULTY, rows

submitit = pytest.importorskip("submitit")

QUEUE = ("-m", "hydra/launcher=slurm", "hydra.launcher.executor=local")


def test_a_job_that_dies_in_the_queue_costs_no_other(kdrun):
    Path("faulty.py").write_text(FAULTY)
    told = kdrun(*QUEUE, *ACCIDENTS, "seed=7,8")
    assert told.status == 1
    assert "failed: seed=7: its job " in told.out
    assert "ok after" in told.out
    assert sorted(row["status"] for row in rows()) == ["failed", "ok"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_preempted_job_goes_on_when_its_turn_comes_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    executor = submitit.AutoExecutor("queue", "local")
    words = [*QUICK, "method=supervised", "train.epochs=60"]
    job = executor.submit(Command(words))
    while not list(Path().glob("outputs/default/*/checkpoint.pt")):
        assert not job.done(), job.stderr()
        time.sleep(0.02)
    job._interrupt()  # as SLURM does, some time before it takes the machine away
    assert job.result() == 0
    (log,) = Path("outputs/default").glob("*/run.log")
    assert "interrupted" in log.read_text()
    assert "continuing after epoch" in log.read_text()
    assert rows()[0]["status"] == "ok"


def test_every_preset_is_a_parameter_that_submitit_knows():
    preset = OmegaConf.load(folder() / "hydra" / "launcher" / "slurm.yaml")
    own = {"_target_", "folder", "executor", "max_num_timeout", "name"}
    known = submitit.SlurmExecutor._valid_parameters() | submitit.AutoExecutor._typed_parameters()
    assert {str(key) for key in preset} - own <= set(known)
