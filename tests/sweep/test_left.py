"""Time left: what was expected, put right by what the first jobs took."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.sweep.left import Left
from kdrun.terminal.duration import span

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


def test_a_span_is_said_as_people_say_it() -> None:
    assert [span(each) for each in (None, 40, 720, 12000)] == ["?", "40 s", "12 min", "3 h 20 min"]
