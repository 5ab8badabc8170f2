"""What kdrun's launchers share: commands are handed over, and records say what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from hydra_plugins import _commands
from hydra_plugins._commands import CommandLauncher
from kdrun.results.record import save_record
from kdrun.sweep.jobs import Job
from tests.fabricated import record


class Launcher(CommandLauncher):
    """Writes a record for all but the last of its jobs."""

    def run(self, config: DictConfig, jobs: Mapping[Job, Sequence[str]]) -> None:
        self.told = list(jobs.values())
        for job in list(jobs)[:-1]:
            job.run_dir.mkdir()
            save_record(job.run_dir, record(0, 0.9))


def test_each_job_becomes_a_command_and_its_record_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def commands(loader: Any, master: Any, batch: Any) -> dict[Job, list[str]]:
        given.append((loader, batch))
        return {
            Job(tuple(words), tmp_path / words[0], words[0]): [*words, "more"] for words in batch
        }

    monkeypatch.setattr("kdrun.sweep.jobs.commands", commands)
    monkeypatch.setattr(_commands, "configure_log", lambda *_: None)
    launcher = Launcher()
    context: Any = SimpleNamespace(config_loader="loader")
    master = OmegaConf.create({"hydra": {"hydra_logging": None, "verbose": False}})
    launcher.setup(hydra_context=context, task_function=pytest.fail, config=master)
    found = launcher.launch([["a"], ["b"]], initial_job_idx=0)
    assert given == [("loader", [["a"], ["b"]])]
    assert launcher.told == [["a", "more"], ["b", "more"]]
    values = [one._return_value for one in found]
    assert isinstance(values[0], float)
    assert values[1] is None  # nobody knows what became of it


def test_a_launcher_is_of_one_machine_and_says_nothing_of_time_unless_it_does() -> None:
    launcher = Launcher()
    assert not launcher.spans_machines
    assert launcher.place(1) is None
    assert launcher.left is None
