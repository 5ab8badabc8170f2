"""Jobs in processes that somebody else starts: a command that travels, and how its end is told."""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from kdrun import cli
from kdrun.config.identity import Identity
from kdrun.results.record import save_record
from kdrun.security import trust
from kdrun.sweep import remote
from kdrun.sweep.jobs import Job
from kdrun.sweep.remote import Command, execute, follow
from tests.fabricated import record


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and a process whose own state is given back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(os, "environ", {**os.environ})
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    return tmp_path


@pytest.mark.parametrize("status", [cli.DONE, cli.FAILED, cli.MISTAKE])
def test_a_command_travels_and_is_executed_where_the_sweep_was_started(
    here: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(trust, "_typed", ["plugins=[mine]"])
    seen: list[Any] = []

    def main(*, job: bool) -> None:
        seen.append((job, sys.argv, Path.cwd(), json.loads(os.environ[trust.VARIABLE])))
        raise SystemExit(status)

    monkeypatch.setattr(cli, "main", main)
    command = pickle.loads(pickle.dumps(Command(["seed=1"])))
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert command() == status
    assert seen == [(True, ["kdrun", "seed=1"], here, ["plugins=[mine]"])]


def test_it_takes_the_cores_that_a_queue_granted(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def main(*, job: bool) -> None:
        raise SystemExit(0)

    monkeypatch.setattr(cli, "main", main)
    os.environ.pop("OMP_NUM_THREADS", None)
    os.environ["SLURM_CPUS_PER_TASK"] = "6"
    Command([])()
    assert os.environ["OMP_NUM_THREADS"] == "6"
    os.environ["OMP_NUM_THREADS"] = "2"  # which was said by itself
    Command([])()
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_another_way_to_exit_is_the_queues_affair(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def main(*, job: bool) -> None:
        raise SystemExit(-1)

    monkeypatch.setattr(cli, "main", main)
    with pytest.raises(SystemExit):
        Command([])()


class Process:
    """Ends at its third look, unless it is interrupted before."""

    def __init__(self, status: int) -> None:
        self.status, self.looks, self.signals = status, 0, list[int]()

    def poll(self) -> int | None:
        self.looks += 1
        return self.status if self.looks > 2 else None

    def send_signal(self, signal: int) -> None:
        self.signals.append(signal)

    def wait(self, timeout: float) -> int:
        return self.status


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_job_beside_this_process_is_waited_for_or_interrupted(
    here: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    process, asked = Process(-9), []

    def start(words: Sequence[str], run_dir: Path, environment: dict[str, str]) -> Process:
        asked.append((list(words), run_dir, environment, trust.words(), Path.cwd()))
        return process

    def sleep(_: float) -> None:
        if interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(remote, "start", start)
    monkeypatch.setattr(remote.time, "sleep", sleep)
    monkeypatch.chdir("/")
    try:
        if interrupted:
            with pytest.raises(KeyboardInterrupt):
                execute(["seed=1"], here, Path("run"), ["plugins=[a]"])
        else:
            assert execute(["seed=1"], here, Path("run"), ["plugins=[a]"]) == -9
    finally:
        trust.end()
    assert asked == [(["seed=1"], Path("run"), {}, ["plugins=[a]"], here)]
    assert process.signals == [signal.SIGINT] * interrupted


class Engine:
    """Jobs that end one after another, each as it is told."""

    def __init__(self, folder: Path, **ends: str) -> None:
        self.ends, self.over, self.cancelled = ends, list[str](), list[str]()
        self.jobs = {
            Job((), folder / name, name, OmegaConf.create(), Identity({}, {}, {}, name)): name
            for name in ends
        }

    def is_over(self, name: str) -> bool:
        if name not in self.over and len(self.over) == [*self.ends].index(name):
            self.over.append(name)
            job = next(job for job in self.jobs if job.label == name)
            job.run_dir.mkdir()
            if self.ends[name] != "dead":
                error = "RuntimeError: oh" if self.ends[name] == "failed" else ""
                made: Any = record(0, error=error)
                save_record(job.run_dir, made | {"status": self.ends[name]})
        return name in self.over

    def follow(self, *, fail_fast: bool = False) -> None:
        given = dict(self.jobs)
        ways = (self.is_over, lambda name: f"{name} was lost", self.cancelled.append)
        follow(given, *ways, fail_fast=fail_fast, pause=0.0)


@pytest.fixture
def buried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Whom, and of what."""
    found: list[tuple[str, str]] = []

    def bury(config: Any, what: Identity, run_dir: Path, error: str) -> None:
        found.append((run_dir.name, error))
        save_record(run_dir, record(0, error=error))

    monkeypatch.setattr(remote, "bury", bury)
    return found


def test_who_died_without_a_word_is_buried_with_what_the_engine_knows(
    tmp_path: Path, buried: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(tmp_path, a="ok", b="dead", c="interrupted", d="failed")
    with caplog.at_level(logging.INFO):
        engine.follow()
    assert buried == [("b", "b was lost"), ("c", "c was lost")]
    assert engine.cancelled == []
    assert [told.split()[:2] for told in caplog.messages] == [
        *(["[1/4]", "ok"], ["[2/4]", "failed:"], ["[3/4]", "failed:"], ["[4/4]", "failed:"]),
    ]


def test_the_first_failure_cancels_the_others_where_that_is_wanted(
    tmp_path: Path, buried: list[tuple[str, str]]
) -> None:
    engine = Engine(tmp_path, a="ok", b="failed", c="ok", d="ok")
    engine.follow(fail_fast=True)
    assert engine.cancelled == ["c", "d"]


def test_whoever_is_interrupted_cancels_what_is_left(
    tmp_path: Path, buried: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(remote.time, "sleep", sleep)
    engine = Engine(tmp_path, a="ok", b="ok")
    engine.jobs = dict(reversed(engine.jobs.items()))  # the first to end is looked at last
    with pytest.raises(KeyboardInterrupt):
        engine.follow()
    assert engine.cancelled == ["b"]
