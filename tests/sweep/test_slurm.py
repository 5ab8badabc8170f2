"""What SLURM's queue says of jobs, looked at now and then."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from kdrun.sweep.jobs import Job

submitit = pytest.importorskip("submitit")

from kdrun.sweep.slurm import QUEUED, Queue  # noqa: E402  (it imports submitit)

SQUEUE = """#!/bin/sh
cat squeue.txt
"""


def test_a_job_that_leaves_the_queue_without_a_result_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_command_adopts_what_an_earlier_one_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_what_is_queued_is_written_down_beside_what_was(tmp_path: Path) -> None:
    a, b = (Job((), Path(name), name) for name in "ab")
    Queue(tmp_path).note({a: submitit.SlurmJob(tmp_path, "4_0")})
    Queue(tmp_path).note({b: submitit.SlurmJob(tmp_path, "5_0")})
    assert json.loads((tmp_path / QUEUED).read_text()) == {"a": "4_0", "b": "5_0"}
    (tmp_path / QUEUED).write_text("[")
    assert Queue(tmp_path).adopted([a, b]) == {}


def test_a_busy_controller_is_asked_again_and_what_was_true_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    command = Path("squeue")
    command.write_text(SQUEUE)
    command.chmod(0o755)
    Path("squeue.txt").write_text("4_0 RUNNING\n")
    queue, one = Queue(tmp_path, pause=0.0), submitit.SlurmJob(tmp_path, "4_0")
    assert queue.state(one) == "RUNNING"
    command.write_text("#!/bin/sh\necho busy >&2\nexit 1\n")
    with caplog.at_level(logging.WARNING):
        assert queue.state(one) == "RUNNING"
    assert "squeue: busy" in caplog.text
    Path("squeue.txt").write_text("4_0 FAILED\n")
    command.write_text(SQUEUE)
    queue.pause = 1000.0  # not so soon
    assert queue.state(one) == "RUNNING"
