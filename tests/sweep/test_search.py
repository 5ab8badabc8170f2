"""A search launches trials until there are so many, and tells the study what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from kdrun.config.identity import Identity
from kdrun.config.schema import Rerun
from kdrun.config.validate import ConfigError
from kdrun.results.record import save_record
from kdrun.sweep.jobs import Job
from kdrun.sweep.outcome import SweepFailedError
from tests.fabricated import record

pytest.importorskip("optuna")

from kdrun.sweep import search as module


class Trial(SimpleNamespace):
    number: int


def trial(number: int) -> Trial:
    return Trial(number=number, own=[f"lr={number}"], words=[f"lr={number}"])


class Study:
    """Draws trials by number; some were begun before."""

    def __init__(self, before: Sequence[int] = (), left: Sequence[int] = ()) -> None:
        self.numbers, self.left = [*before, *left], [trial(n) for n in left]
        self.results: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def left_over(self) -> list[Trial]:
        return self.left

    def ask(self) -> Trial:
        self.numbers.append(len(self.numbers))
        return trial(self.numbers[-1])

    def tell(self, of: Trial, found: Any) -> str:
        self.results[of.number] = None if found is None else found["status"]
        well = found is not None and found["status"] == "ok"
        return "val_accuracy 0.9" if well else f"failed: {found and found['error']}"

    def best(self) -> list[int]:
        return [number for number, status in self.results.items() if status == "ok"]

    def watch(self, of: Trial) -> str:
        return f"watch of {of.number}"

    def told(self, words: list[str]) -> str:
        return f"{len(self)} trials, best {self.best()}"


class World:
    """What was launched together, and how each trial ends: ok, failed, or it cannot run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.study = folder, Study()
        self.launched: list[list[str]] = []
        self.watched: list[object] = []
        self.failing: set[int] = set()
        self.faulty: set[int] = set()
        self.busy: set[int] = set()
        self.in_process = False
        self.task = SimpleNamespace(watch=None, failed=["a trial"])

    def settle(self, words: Sequence[str], label: str, composed: Any) -> Job:
        number = int(words[0].partition("=")[2])
        what = Identity({}, {}, {}, str(number) * 64)
        return Job(
            tuple(words), self.folder / str(number), label, OmegaConf.create({"n": number}), what
        )

    def parts(self, config: Any) -> list[str]:
        return [f"lr={config.n}: no such rate"] if config.n in self.faulty else []

    def launch(self, launcher: Any, compose: Any, jobs: Sequence[Job]) -> None:
        self.launched.append([job.label for job in jobs])
        self.watched.append(self.task.watch)
        for job in jobs:
            assert job.config is not None
            job.run_dir.mkdir()
            made: Any = record(0, error="RuntimeError: oh" if job.config.n in self.failing else "")
            assert job.what is not None
            save_record(job.run_dir, made | {"identity": job.what.digest})

    def search(self, n_trials: int, at_once: int = 2, **master: Any) -> None:
        config = OmegaConf.create({"rerun": Rerun.failed, "fail_fast": False, **master})
        given: Any = (config, SimpleNamespace(), self.task)
        module.search([], SimpleNamespace(), *given, n_trials=n_trials, at_once=at_once)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(module, "Study", lambda *_, **__: made.study)
    monkeypatch.setattr(module, "Composer", lambda *_: lambda words: words)
    monkeypatch.setattr(module, "begin", lambda *_: tmp_path)
    monkeypatch.setattr(module, "retyped", lambda *_: [])
    monkeypatch.setattr(module, "in_process", lambda _: made.in_process)
    monkeypatch.setattr(module, "taken", lambda folder: int(folder.name) in made.busy)
    for name in ("settle", "parts", "launch"):
        monkeypatch.setattr(module, name, getattr(made, name))
    return made


def test_trials_are_drawn_and_launched_so_many_at_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.search(n_trials=5)
    labels = [[one.partition(":")[0] for one in batch] for batch in world.launched]
    assert labels == [["trial 0", "trial 1"], ["trial 2", "trial 3"], ["trial 4"]]
    assert world.study.results == dict.fromkeys(range(5), "ok")
    assert capsys.readouterr().out == "5 trials, best [0, 1, 2, 3, 4]\n"


def test_trials_of_earlier_commands_count_and_what_was_left_comes_first(world: World) -> None:
    world.study, world.busy = Study(before=[0, 1], left=[2, 3]), {3}
    world.search(n_trials=5)
    assert world.launched == [["trial 2: lr=2", "trial 4: lr=4"]]  # 3 is another process's


def test_in_this_process_each_is_watched_by_its_own_trial(world: World) -> None:
    world.in_process = True
    world.failing = {1}
    world.search(n_trials=3)
    assert world.watched == ["watch of 0", "watch of 1", "watch of 2"]
    assert world.study.results == {0: "ok", 1: "failed", 2: "ok"}
    assert world.task.failed == []  # a search may fail here and there


def test_one_that_cannot_run_is_told_to_the_study_and_the_others_go_on(world: World) -> None:
    world.faulty = {1}
    world.search(n_trials=3)
    assert world.study.results == {0: "ok", 1: None, 2: "ok"}
    assert world.launched[0] == ["trial 0: lr=0"]


def test_if_none_can_run_it_is_the_users_mistake(world: World) -> None:
    world.faulty = {0, 1, 2, 3}
    with pytest.raises(ConfigError, match="lr=0: no such rate\nlr=1: no such rate"):
        world.search(n_trials=4)
    world.study, world.faulty, world.launched = Study(), {2, 3}, []
    world.search(n_trials=4)  # after one has ended well it is bad luck
    assert world.study.results == {0: "ok", 1: "ok", 2: None, 3: None}


def test_a_failure_ends_it_only_where_that_is_wanted(world: World) -> None:
    world.failing = {0}
    with pytest.raises(SweepFailedError, match=r"trial 0: lr=0: failed: RuntimeError: oh"):
        world.search(n_trials=4, fail_fast=True)
    assert len(world.launched) == 1


def test_if_none_ended_well_it_failed(world: World) -> None:
    world.failing = {0, 1}
    with pytest.raises(SweepFailedError, match="no trial ended well"):
        world.search(n_trials=2)
