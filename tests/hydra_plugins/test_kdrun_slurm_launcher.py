"""Queued jobs, with submitit's local executor in the place of a queue."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kdrun.config.schema import folder
from kdrun.sweep.jobs import Job
from kdrun.sweep.remote import Command
from tests.conftest import QUICK
from tests.sweep.test_sweep import ACCIDENTS, FAULTY, children, rows

submitit = pytest.importorskip("submitit")

from kdrun.sweep.slurm import Queue  # noqa: E402  (it imports submitit)

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


SQUEUE = """#!/bin/sh
cat squeue.txt
"""


def test_a_job_that_leaves_the_queue_without_a_result_is_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("squeue").write_text(SQUEUE)
    Path("squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    queue = Queue(tmp_path, pause=0.0)
    one, two = (submitit.SlurmJob(tmp_path, number) for number in ("4_0", "4_1"))
    for told, over in (
        ("4_0 RUNNING\n4_1 NODE_FAIL\n", False),
        ("4_0 PREEMPTED\n4_1 PENDING\n", False),  # each may be on its way back, and 4_1 was
        ("4_0 REQUEUED\n4_1 PREEMPTED\n", False),
        ("4_0 RUNNING\n4_1 PREEMPTED\n", True),
    ):
        Path("squeue.txt").write_text(told)
        assert not queue.is_over(one)
        assert queue.is_over(two) is over
    Path("squeue.txt").write_text("")
    assert [queue.is_over(one) for _ in range(2)] == [False, True]  # forgotten by SLURM
    assert queue.state(one) == "unknown"


def test_a_command_adopts_what_an_earlier_one_queued(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("squeue").write_text(SQUEUE)
    Path("squeue").chmod(0o755)
    Path("squeue.txt").write_text("4_0 RUNNING\n4_1 COMPLETED\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    jobs = [Job((), Path(name), name) for name in "abc"]
    handles = [submitit.SlurmJob(tmp_path, f"4_{n}") for n in range(2)]
    Queue(tmp_path).note(dict(zip(jobs, handles, strict=False)))
    adopted = Queue(tmp_path).adopted(jobs)
    assert {job.label: handle.job_id for job, handle in adopted.items()} == {"a": "4_0"}
