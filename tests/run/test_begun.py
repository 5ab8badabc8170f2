"""A run that goes on does so in the number format, and on the threads, with which it began."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kdrun.files import checkpoint
from kdrun.files.checkpoint import begun
from tests.conftest import QUICK, Told

Command = Callable[..., Told]

WORDS = (*QUICK, "method=supervised", "student=mlp", "train.epochs=3", "train.precision=auto")


@pytest.fixture
def stopped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first epoch that is saved ends in Ctrl-C."""
    real, calls = checkpoint.save_state, []

    def save(path: Path, state: dict[str, object]) -> None:
        real(path, state)
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("kdrun.run.course.save_state", save)


def record(run: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((run / "record.json").read_text())
    return found


def fast_at(monkeypatch: pytest.MonkeyPatch, *, bf16: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": bf16})


@pytest.mark.parametrize("there", [True, False])
def test_auto_is_what_it_was_where_the_run_began(
    kdrun: Command, monkeypatch: pytest.MonkeyPatch, stopped_once: None, there: bool
) -> None:
    began, here = ("bf16", "fp32") if there else ("fp32", "bf16")
    fast_at(monkeypatch, bf16=there)
    assert kdrun(*WORDS).status == 130
    (run,) = Path("outputs/default").glob("supervised_*")
    assert begun(run).precision == record(run)["run"]["precision"] == began
    fast_at(monkeypatch, bf16=not there)
    told = kdrun(*WORDS)
    assert told.status == 0
    assert told.out.count(f"going on in {began}, as it began: train.precision=auto is {here}") == 1
    assert record(run)["run"]["precision"] == began
    weights = (run / "student.safetensors").read_bytes()

    fast_at(monkeypatch, bf16=there)
    told = kdrun(*WORDS, "name=whole")
    assert "going on" not in told.out
    (whole,) = Path("outputs/whole").glob("supervised_*")
    assert (whole / "student.safetensors").read_bytes() == weights


def test_threads_are_those_of_the_begin_and_only_as_long(
    kdrun: Command, monkeypatch: pytest.MonkeyPatch, stopped_once: None
) -> None:
    torch.set_num_threads(2)
    try:
        assert kdrun(*WORDS).status == 130
    finally:
        torch.set_num_threads(1)
    (run,) = Path("outputs/default").glob("supervised_*")
    assert begun(run).threads == 2
    told = kdrun(*WORDS)
    assert told.status == 0
    assert told.out.count("going on with threads: 2, as it began; a new run would take 1") == 1
    assert record(run)["run"]["threads"] == 2
    assert torch.get_num_threads() == 1
    assert "threads" in (run / "results.csv").read_text().splitlines()[0].split(",")


def test_a_checkpoint_of_before_says_nothing(tmp_path: Path) -> None:
    assert begun(tmp_path) == (None, None)
    checkpoint.save_state(tmp_path / "checkpoint.pt", {"epoch": 1})
    assert begun(tmp_path) == (None, None)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        begun(tmp_path)
