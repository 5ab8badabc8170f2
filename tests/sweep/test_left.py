"""Time left: what was expected, put right by what the first jobs took."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.sweep import left as module
from kdrun.sweep.left import Left

A, B, C, D = (Path(name) for name in "abcd")


def test_what_is_left_is_scaled_by_what_the_first_jobs_took() -> None:
    left = Left({A: 10, B: 10, C: 20})
    left.after(A)
    assert left.seconds(elapsed=20) == pytest.approx(60)
    left.after(B)
    assert left.seconds(elapsed=20) == pytest.approx(20)


def test_nothing_is_said_after_the_last() -> None:
    left = Left({A: 10, B: 10})
    assert left.after(B).endswith(" left")
    assert left.after(A) == ""


def test_of_jobs_beside_it_half_is_taken_to_be_over() -> None:
    left = Left({A: 10, B: 10, C: 10, D: 10}, at_once=2)
    left.after(A)
    assert left.seconds(elapsed=15) == pytest.approx(25)


def test_what_the_first_run_tells_is_said_while_it_runs(caplog, monkeypatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    left = Left(None)
    answers = iter([None, {A: 10, B: 20}])
    with caplog.at_level("INFO"):
        left.look_out(lambda: next(answers)).join()
    assert caplog.messages == ["about 30 s left for 2 runs"]
    left.begun -= 10
    assert left.after(A) == ", about 20 s left"


def test_jobs_that_ended_before_it_was_known_are_not_waited_for() -> None:
    left = Left(None)
    assert left.after(A) == ""
    left.expect({A: 10, B: 20, C: 20})
    left.begun -= 20
    assert left.after(B) == ", about 20 s left"
    assert left.after(C) == ""


def test_nobody_looks_out_for_a_sweep_that_is_over(monkeypatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    left = Left(None)
    looking = left.look_out(lambda: None)
    left.end()
    looking.join(timeout=5)
    assert not looking.is_alive()
