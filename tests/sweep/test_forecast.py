"""How long a sweep takes: jobs and teachers laid out over processes."""

from __future__ import annotations

from pathlib import Path

from kdrun.sweep.forecast import Load, lay_out

A, B, C = (Path(name) for name in "abc")
OLD, YOUNG = Path("old"), Path("young")


def test_a_teacher_counts_once_and_with_the_first_job_that_wants_it() -> None:
    jobs = {A: Load(5, (OLD,)), B: Load(5, (OLD,)), C: Load(5, ())}
    assert lay_out(jobs, {OLD: Load(10, ())}, at_once=1) == (25, {A: 15, B: 5, C: 5})


def test_a_process_waits_for_the_teacher_that_another_trains() -> None:
    jobs = {A: Load(5, (OLD,)), B: Load(5, (OLD,)), C: Load(5, ())}
    assert lay_out(jobs, {OLD: Load(10, ())}, at_once=2) == (20, {A: 15, B: 15, C: 5})


def test_a_teacher_may_want_its_own() -> None:
    teachers = {YOUNG: Load(3, (OLD,)), OLD: Load(10, ())}
    assert lay_out({A: Load(5, (YOUNG,))}, teachers, at_once=4)[0] == 18


def test_what_is_trained_already_costs_nothing() -> None:
    assert lay_out({A: Load(5, (OLD,))}, {}, at_once=1)[0] == 5


def test_every_process_has_to_start_and_all_are_slow_where_cores_are_few() -> None:
    jobs = {each: Load(5, ()) for each in (A, B, C)}
    assert lay_out(jobs, {}, at_once=3, starts=2, crowd=1.5) == (10.5, dict.fromkeys(jobs, 10.5))
