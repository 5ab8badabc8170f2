"""What is said of the time of a sweep: the plan, and a line before it begins."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from kdrun.config.identity import Identity
from kdrun.results.record import save_record
from kdrun.sweep import estimate
from kdrun.sweep.estimate import expect, told, where
from kdrun.sweep.forecast import UNKNOWN, Forecast, Place
from kdrun.sweep.jobs import Job
from tests.fabricated import record

HERE = Place(2, 1, 2, fresh=True)


def jobs(folder: Path, *names: str, devices: int = 1) -> list[Job]:
    config = OmegaConf.create({"train": {"devices": devices, "epochs": 1}})
    return [Job((name,), folder / name, name, config, Identity({}, {}, {}, name)) for name in names]


def master(folder: Path, *, wanted: bool = True) -> DictConfig:
    return OmegaConf.create({"estimate": wanted, "hydra": {"sweep": {"dir": str(folder)}}})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What earlier runs and a trial tell; each that is asked is noted."""
    given: dict[str, Any] = {"known": UNKNOWN, "measured": UNKNOWN, "long": False, "asked": []}

    def answer(name: str) -> Any:
        def found(configs: dict[Path, Any], place: Place) -> Forecast:
            given["asked"].append(name)
            return given[name]  # type: ignore[no-any-return]

        return found

    for name in ("known", "measured"):
        monkeypatch.setattr(estimate, name, answer(name))
    monkeypatch.setattr(estimate, "is_long", lambda *_: given["long"])
    return given


def forecast(folder: Path, teachers: int = 0) -> Forecast:
    return Forecast(80.0, {folder / "a": 30.0, folder / "b": 50.0}, teachers)


def test_a_plan_has_each_job_how_it_stands_and_what_it_takes(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    answers["known"] = forecast(tmp_path, teachers=2)
    all_jobs = jobs(tmp_path, "a", "b", "c")
    (tmp_path / "c").mkdir()
    save_record(tmp_path / "c", record(0))
    lines = told(all_jobs, all_jobs[:2], master(tmp_path), HERE).splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["a", "new", "30", "s"],
        ["b", "new", "50", "s"],
        ["c", "ok"],
    ]
    assert lines[5] == f"2 of 3 runs to do in {tmp_path}"
    assert lines[6] == "about 80 s 2 at once, 2 teachers included"
    assert answers["asked"] == ["known"]


def test_a_plan_without_an_estimate_asks_nobody(tmp_path: Path, answers: dict[str, Any]) -> None:
    own = jobs(tmp_path, "a")
    assert told(own, own, master(tmp_path, wanted=False), HERE).endswith(f"to do in {tmp_path}")
    assert answers["asked"] == []
    assert told(own, [], master(tmp_path), HERE).endswith(f"0 of 1 runs to do in {tmp_path}")


def test_elsewhere_it_is_told_as_one_after_another_here(
    tmp_path: Path, answers: dict[str, Any]
) -> None:
    answers["measured"] = forecast(tmp_path, teachers=1)
    own = jobs(tmp_path, "a", "b")
    line = told(own, own, master(tmp_path), None).splitlines()[-1]
    assert line == "about 80 s one after another, on this machine, 1 teacher included"
    answers["measured"] = UNKNOWN
    line = told(own, own, master(tmp_path), None).splitlines()[-1]
    assert line.startswith("how long they take cannot be told")


@pytest.mark.parametrize("long", [False, True])
def test_only_a_long_sweep_of_which_nothing_is_known_is_tried(
    tmp_path: Path, answers: dict[str, Any], caplog: pytest.LogCaptureFixture, long: bool
) -> None:
    answers |= {"measured": forecast(tmp_path), "long": long}
    own = jobs(tmp_path, "a", "b")
    with caplog.at_level(logging.INFO):
        left = expect(own, own, master(tmp_path), HERE)
    assert left is not None
    left.end()
    assert answers["asked"] == ["known", *(["measured"] if long else [])]
    assert ("about 80 s 2 at once" if long else "when the first has done two") in caplog.text
    assert sum(left.waiting.values()) == (80.0 if long else 0.0)


def test_one_run_says_itself_how_long_it_takes_and_elsewhere_nothing_is_said(
    tmp_path: Path, answers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    own = jobs(tmp_path, "a", "b")
    with caplog.at_level(logging.INFO):
        assert expect(own, own[:1], master(tmp_path), HERE) is None
        assert expect(own, [], master(tmp_path), HERE) is None
        assert expect(own, own, master(tmp_path), None) is None
        assert expect(own, own, master(tmp_path, wanted=False), HERE) is None
    assert caplog.messages == ["1 of 2 runs to do; its epochs say how long it takes"]
    assert answers["asked"] == []


def test_a_launcher_says_how_it_executes_jobs(tmp_path: Path) -> None:
    asked: list[int] = []
    launcher: Any = SimpleNamespace(place=lambda devices: asked.append(devices) or HERE)
    own = [*jobs(tmp_path, "a"), *jobs(tmp_path, "b", devices=3), Job((), tmp_path, "done")]
    assert where(launcher, own) is HERE
    assert asked == [3]
    assert where(SimpleNamespace(), own) is None  # a cluster's, or somebody's own
