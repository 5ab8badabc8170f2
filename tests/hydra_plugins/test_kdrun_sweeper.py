"""The order of a sweep: all faults before anything begins, and only what is not done is begun."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_plugins import kdrun_sweeper
from kdrun import sweep
from kdrun.config.validate import ConfigError
from kdrun.sweep import estimate, outcome


class World:
    """Four jobs, of which one is done, and what is done about them in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.faulty = False
        self.batch: list[list[str]] = []
        given = {
            "plan": self.plan,
            "missing": lambda jobs, rerun: jobs[1:],
            "check": self.check,
            "begin": self.noted("begin", Path("outputs")),
            "launch": self.noted("launch", None),
        }
        for name, function in given.items():
            monkeypatch.setattr(sweep, name, function)
        monkeypatch.setattr(estimate, "where", lambda *_: None)
        monkeypatch.setattr(estimate, "told", lambda *_: "the plan")
        monkeypatch.setattr(estimate, "expect", self.noted("expect", None))
        monkeypatch.setattr(outcome, "sum_up", self.sum_up)
        monkeypatch.setattr("kdrun.sweep.jobs.Composer", lambda *_: None)

    def noted(self, name: str, value: Any) -> Any:
        def function(*given: Any) -> Any:
            self.done.append(name if name != "launch" else f"launch {given[2]}")
            return value

        return function

    def plan(self, compose: Any, batch: Sequence[Sequence[str]]) -> list[str]:
        self.batch = [list(words) for words in batch]
        return ["a", "b", "c", "d"]

    def check(self, jobs: Sequence[str]) -> None:
        self.done.append("check")
        if self.faulty:
            raise ConfigError(["no"])

    def sum_up(self, jobs: Sequence[str], already: int, folder: Path) -> None:
        self.done.append(f"sum up {len(jobs)}, {already} before")

    def sweep(self, *words: str, dry_run: bool = False, **params: str) -> None:
        # Hydra makes its own classes anew whenever it looks for plugins.
        sweeper = importlib.reload(kdrun_sweeper).KdrunSweeper(params or None)
        sweeper.config = OmegaConf.create({"dry_run": dry_run, "rerun": "failed"})
        sweeper.hydra_context = SimpleNamespace(config_loader=None)  # type: ignore[assignment]
        sweeper.launcher = SimpleNamespace()  # type: ignore[assignment]
        sweeper.sweep(list(words))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_is_not_done_is_launched_once_all_is_checked(world: World) -> None:
    world.sweep("seed=0,1", "loss=kd,dkd")
    assert world.done == [
        "check",
        "begin",
        "expect",
        "launch ['b', 'c', 'd']",
        "sum up 4, 1 before",
    ]
    assert world.batch == [[f"seed={s}", f"loss={name}"] for s in (0, 1) for name in ("kd", "dkd")]


def test_choices_of_every_sweep_come_before_those_that_are_typed(world: World) -> None:
    world.sweep("loss=kd", seed="0,1")
    assert world.batch == [["seed=0", "loss=kd"], ["seed=1", "loss=kd"]]


def test_a_fault_is_told_before_anything_begins(world: World) -> None:
    world.faulty = True
    with pytest.raises(ConfigError):
        world.sweep("seed=0,1")
    assert world.done == ["check"]


def test_a_dry_run_tells_the_plan_and_makes_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.sweep("seed=0,1", dry_run=True)
    assert capsys.readouterr().out == "the plan\n"
    assert world.done == ["check"]


def test_other_applications_of_hydra_import_nothing_of_kdrun() -> None:
    tree = ast.parse(Path(kdrun_sweeper.__file__).read_text())
    imported = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imported}
    assert {name.partition(".")[0] for name in names} == {"__future__", "hydra"}
