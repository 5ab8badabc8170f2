"""A pool gives each process its share, and whatever becomes of one, the others are not left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from kdrun.config.identity import Identity
from kdrun.results.record import save_record
from kdrun.run.pace import CROWDED
from kdrun.sweep import pool, taken
from kdrun.sweep.jobs import Job
from kdrun.sweep.pool import Pool, shares
from tests.fabricated import record


class Process:
    """Ends after some looks, as it is told: writes its record, or dies."""

    says: str | None = None

    def __init__(self, job: Job, end: int, environment: Mapping[str, str], looks: int) -> None:
        self.job, self.end, self.environment = job, end, environment
        self.looks, self.returncode = looks, 0
        self.signals: list[int] = []

    def poll(self) -> int | None:
        self.looks -= 1
        if self.looks > 0:
            return None
        if self.looks == 0 and (self.end >= 0 or self.says):
            made: Any = record(0, error="RuntimeError: oh" if self.end else "")
            made["status"] = self.says or made["status"]
            save_record(self.job.run_dir, made | {"identity": self.job.label * 64})
        self.returncode = self.end
        return self.end

    def send_signal(self, signal: int) -> None:
        self.signals.append(signal)

    def wait(self, timeout: float) -> int:
        return 130


class Machine:
    """What was started, and how many at once."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.most = 0
        self.ends: dict[str, int] = {}
        self.slow: set[str] = set()
        self.says: str | None = None
        self.buried: list[tuple[str, str]] = []
        self.jobs: dict[str, Job] = {}

    def start(self, words: Sequence[str], run_dir: Path, environment: Mapping[str, str]) -> Process:
        (name,) = words
        looks = 99 if name in self.slow else 3
        made = Process(self.jobs[name], self.ends.get(name, 0), environment, looks)
        made.says = self.says
        self.processes.append(made)
        self.most = max(self.most, sum(one.looks > 0 for one in self.processes))
        return made

    def bury(self, config: Any, what: Identity, run_dir: Path, error: str) -> None:
        self.buried.append((run_dir.name, error))
        save_record(run_dir, record(0, error=error))

    def commands(self, folder: Path, *names: str) -> dict[Job, list[str]]:
        config = OmegaConf.create()
        for name in names:
            what = Identity({}, {}, {}, name * 64)
            self.jobs[name] = Job((name,), folder / name, name, config, what)
        return {job: [name] for name, job in self.jobs.items()}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(pool, "start", made.start)
    monkeypatch.setattr(pool, "bury", made.bury)
    monkeypatch.setattr(pool.time, "sleep", lambda _: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return made


def test_so_many_run_at_once_each_on_its_gpu_with_its_threads(
    machine: Machine, tmp_path: Path
) -> None:
    Pool(size=2, gpus=["4", "7"], threads=3).run(machine.commands(tmp_path, *"abcde"))
    assert machine.most == 2
    assert [one.job.label for one in machine.processes] == list("abcde")
    gpus = [one.environment["CUDA_VISIBLE_DEVICES"] for one in machine.processes]
    assert gpus[:2] == ["4", "7"]
    assert {*gpus} == {"4", "7"}
    assert {one.environment["OMP_NUM_THREADS"] for one in machine.processes} == {"3"}
    assert not any(CROWDED in one.environment for one in machine.processes)


def test_processes_that_crowd_the_machine_know_it(machine: Machine, tmp_path: Path) -> None:
    Pool(size=3, threads=3).run(machine.commands(tmp_path, "a"))
    (process,) = machine.processes
    assert process.environment[CROWDED] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in process.environment


def test_one_that_is_killed_is_buried_and_the_others_go_on(
    machine: Machine, tmp_path: Path
) -> None:
    machine.ends = {"b": -signal.SIGKILL}
    Pool(size=1).run(machine.commands(tmp_path, *"abc"))
    assert machine.buried == [("b", "killed by SIGKILL; was there enough memory?")]
    assert [one.job.label for one in machine.processes] == list("abc")
    assert not any(taken(tmp_path / name) for name in "abc")


@pytest.mark.parametrize(
    ("status", "left", "dead"),
    [
        (1, "failed", False),  # it told by itself why
        (1, "running", True),
        (-9, "ok", True),
        (0, "running", False),  # another process may be at it again
    ],
)
def test_who_says_why_it_ended_is_left_in_peace(
    machine: Machine, tmp_path: Path, status: int, left: str, dead: bool
) -> None:
    machine.ends, machine.says = {"a": status}, left
    Pool(size=1).run(machine.commands(tmp_path, "a"))
    assert bool(machine.buried) is dead


def test_the_first_failure_interrupts_the_others_where_that_is_wanted(
    machine: Machine, tmp_path: Path
) -> None:
    machine.ends, machine.slow = {"a": 1}, {"b"}
    commands = machine.commands(tmp_path, *"abc")
    Pool(size=2, fail_fast=True).run(commands)
    assert [one.job.label for one in machine.processes] == ["a", "b"]
    assert [one.signals for one in machine.processes] == [[], [signal.SIGINT]]
    assert not any(taken(tmp_path / name) for name in "abc")  # another sweep may have them


def test_whatever_goes_wrong_no_process_is_left_behind(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pool.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Pool(size=2).run(machine.commands(tmp_path, *"abc"))
    assert [one.signals for one in machine.processes] == [[signal.SIGINT]] * 2
    assert not any(taken(tmp_path / name) for name in "ab")


def test_the_machine_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert shares(None, "auto", None) == (4, [], 2)
    assert shares(3, "auto", None) == (3, [], 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-8a")
    assert shares(None, "auto", None) == (2, ["4", "GPU-8a"], 4)
    assert shares(4, [0, 1], 1) == (4, ["0", "1"], 1)
    assert shares(None, [0, 1, 2, 3, 4], 1, devices=2) == (2, ["0,1", "2,3"], 1)
    with pytest.raises(ValueError, match="devices=4: hydra"):
        shares(None, "auto", None, devices=4)
    assert shares(None, None, None) == (4, [], 2)
    with pytest.raises(ValueError, match="gpus=all: write auto"):
        shares(None, "all", None)
    with pytest.raises(ValueError, match="n_jobs=0: must be at least 1"):
        shares(0, None, None)
