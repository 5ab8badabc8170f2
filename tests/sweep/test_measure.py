"""What a sweep takes: as earlier runs tell, as its own first one does, or as a real trial does."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kdrun.sweep import measure
from kdrun.sweep.forecast import Place
from kdrun.sweep.measure import is_long
from tests.conftest import QUICK


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
    jobs = {Path("a"): OmegaConf.create({})}
    place = Place(1, None, 2, fresh=False)
    assert measure.known(jobs, place).whole is None
    assert measure.seen(jobs, place) is None
