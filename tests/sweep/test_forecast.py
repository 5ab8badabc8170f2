"""How long a sweep takes: jobs and teachers laid out over processes, and real trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kdrun.sweep import measure
from kdrun.sweep.forecast import Load, Place, lay_out
from kdrun.sweep.measure import is_long
from tests.conftest import QUICK

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


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


def test_a_plan_tells_how_long_it_takes_and_leaves_nothing(kdrun, monkeypatch) -> None:
    monkeypatch.setattr(measure, "LIMIT", 500.0)  # whatever else the machine does
    words = ("-m", *QUICK, "student=linear", "seed=0,1", "estimate=true")
    told = kdrun(*words, "dry_run=true")
    assert told.status == 0
    assert "one after another, 2 teachers included" in told.out
    assert "?" not in told.out
    assert not Path("outputs").exists()


def test_a_trial_that_does_not_end_stops_nobody(kdrun, monkeypatch) -> None:
    monkeypatch.setattr(measure, "LIMIT", 0.1)
    words = ("-m", *QUICK, "method=supervised", "seed=0,1", "estimate=true")
    told = kdrun(*words, "dry_run=true")
    assert told.status == 0
    assert "cannot be told" in told.out


def test_runs_that_ended_tell_how_long_others_take_without_a_trial(kdrun, monkeypatch) -> None:
    monkeypatch.setattr(measure, "measured", None)  # nobody may ask for one
    words = ("-m", *QUICK, "method=supervised", "estimate=true")
    first = kdrun(*words, "seed=0,1")
    assert "how long is told when the first has done two epochs" in first.out
    second = kdrun(*words, "seed=2,3", "optimizer.lr=0.01", "train.epochs=2")
    assert "2 of 2 runs to do: about " in second.out


def test_only_a_sweep_that_is_long_for_sure_is_tried_before_it_begins() -> None:
    config = OmegaConf.create({"train": {"epochs": 30}})
    place, fresh = Place(1, None, 2, fresh=False), Place(2, 1, 2, fresh=True)
    assert not is_long({Path(str(n)): config for n in range(20)}, place)
    assert is_long({Path(str(n)): config for n in range(40)}, place)
    assert not is_long({Path(str(n)): config for n in range(15)}, fresh)
    assert is_long({Path(str(n)): config for n in range(30)}, fresh)


def test_what_cannot_be_told_of_a_job_is_left_to_its_run() -> None:
    jobs = {A: OmegaConf.create({})}
    place = Place(1, None, 2, fresh=False)
    assert measure.known(jobs, place).whole is None
    assert measure.seen(jobs, place) is None
