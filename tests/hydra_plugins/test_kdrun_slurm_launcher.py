"""Queued jobs, with submitit's local executor in the place of a queue."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kdrun.config.schema import folder
from kdrun.sweep.remote import Command
from tests.conftest import QUICK
from tests.sweep.test_sweep import ACCIDENTS, FAULTY, children, rows

submitit = pytest.importorskip("submitit")

PATIENT = '''
import pathlib, time
from kdrun.loss.ce import CE


class Patient(CE):
    """Cross entropy that waits in its second epoch until it may go on."""

    def forward(self, student, teacher, batch):
        begun = list(pathlib.Path("outputs/default").glob("*/checkpoint.pt"))
        while begun and not pathlib.Path("go").exists():
            time.sleep(0.01)
        return super().forward(student, teacher, batch)
'''

QUEUE = ("-m", "hydra/launcher=slurm", "hydra.launcher.executor=local")


@pytest.mark.slow
def test_a_job_that_dies_in_the_queue_costs_no_other(kdrun):
    Path("faulty.py").write_text(FAULTY)
    told = kdrun(*QUEUE, *ACCIDENTS, "seed=7,8")
    assert told.status == 1
    assert "failed: seed=7: its job " in told.out
    assert "ok after" in told.out
    assert sorted(row["status"] for row in rows()) == ["failed", "ok"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.slow
def test_a_preempted_job_goes_on_when_its_turn_comes_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    executor = submitit.AutoExecutor("queue", "local")
    Path("patient.py").write_text(PATIENT)
    own = ("plugins=[patient]", "loss.terms.ce._target_=patient.Patient")
    words = [*QUICK, *own, "method=supervised", "train.epochs=3"]
    job = executor.submit(Command(words))
    while not list(Path().glob("outputs/default/*/checkpoint.pt")):
        assert not job.done(), job.stderr()
        time.sleep(0.02)
    (process,) = children(int(job.job_id))
    os.kill(process, signal.SIGUSR2)  # as SLURM does, before it takes the machine away
    while "Requeued job" not in (job.stdout() or ""):
        assert not job.done(), job.stderr()
        time.sleep(0.02)
    Path("go").touch()
    assert job.result() == 0
    (log,) = Path("outputs/default").glob("*/run.log")
    assert "continuing after epoch" in log.read_text()
    assert rows()[0]["status"] == "ok"


def test_every_preset_is_a_parameter_that_submitit_knows():
    preset = OmegaConf.load(folder() / "hydra" / "launcher" / "slurm.yaml")
    own = {"_target_", "folder", "executor", "max_num_timeout", "name"}
    known = submitit.SlurmExecutor._valid_parameters()
    known |= set(submitit.AutoExecutor._typed_parameters())
    assert {str(key) for key in preset} - own <= known
