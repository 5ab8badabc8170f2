"""A process of its own for a job: what it is told, and where all that it says goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kdrun.security import trust
from kdrun.sweep import worker


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any]]]:
    """What would have been started."""
    seen: list[tuple[list[str], dict[str, Any]]] = []

    def popen(words: list[str], **options: Any) -> None:
        os.write(options["stdout"].fileno(), b"said\n")
        seen.append((words, options))

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(trust, "_typed", ["plugins=[mine]"])
    return seen


def test_it_is_told_its_words_who_asks_and_what_was_typed(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    worker.start(["seed=1", "loss=kd"], tmp_path / "run", {"OMP_NUM_THREADS": "3"})
    ((words, options),) = started
    assert words == [sys.executable, "-m", "kdrun.job", str(os.getpid()), "seed=1", "loss=kd"]
    told = options["env"]
    assert told["OMP_NUM_THREADS"] == "3"  # its own goes before this process's
    assert told["PATH"] == os.environ["PATH"]
    assert json.loads(told[trust.VARIABLE]) == ["plugins=[mine]"]
    assert options["start_new_session"]
    assert options["stdin"] == subprocess.DEVNULL


def test_all_that_it_says_is_added_to_its_log(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path
) -> None:
    run = tmp_path / "a" / "run"
    for _ in range(2):
        worker.start([], run, {})
    assert (run / "run.log").read_text() == "said\n" * 2
    assert started[0][1]["stdout"].closed  # in this process; the other has it still
    assert started[0][1]["stderr"] is started[0][1]["stdout"]


@pytest.mark.parametrize("name", ["run.log", "record.json", ".hydra"])
def test_nothing_is_started_that_would_write_through_a_link(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path, name: str
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{name} is a symbolic link"):
        worker.start([], tmp_path / "run", {})
    assert started == []
    assert not (tmp_path / "elsewhere").exists()
