"""What a record says before anything has happened."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from kdrun.config import register
from kdrun.config.identity import Identity, identify
from kdrun.config.schema import folder
from kdrun.results.layout import SCHEMA
from kdrun.run import provenance
from kdrun.run.provenance import begin, now
from kdrun.security.wellformed import faults
from kdrun.version import __version__


@pytest.fixture(scope="module")
def config() -> DictConfig:
    register.register()
    words = ["seed=3", "plugins=[mine]", "job.command=abc", "rerun=none", "logger=tensorboard"]
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        return compose("config", overrides=["student=linear", "teacher=mlp", *words])


@pytest.fixture(scope="module")
def what(config: DictConfig) -> Identity:
    return identify(config)


@pytest.fixture
def begun(config: DictConfig, what: Identity, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(provenance, "_commit", lambda: "a1b2c3d-dirty")
    return dict(begin(config, what, "some_run"))


def test_it_is_a_record_of_a_run_at_work(begun: dict[str, Any], what: Identity) -> None:
    assert not faults({**begun, "schema": SCHEMA})
    assert (begun["run_id"], begun["status"], begun["finished"]) == ("some_run", "running", "")
    assert (begun["identity"], begun["config"]) == (what.digest, what.settings)
    run = begun["run"]
    assert (run["student"], run["teacher"], run["seed"]) == ("linear", "mlp", 3)
    assert run["commit"] == "a1b2c3d-dirty"


def test_what_changes_no_result_is_told_apart_from_what_does(begun: dict[str, Any]) -> None:
    runtime = begun["runtime"]
    assert (runtime["rerun"], runtime["plugins"], runtime["command"]) == ("none", ["mine"], "abc")
    assert runtime["logger"] == ["tensorboard"]
    assert runtime["train.device"] == "auto"
    assert not {"hydra", "job"} & runtime.keys()
    assert None not in runtime.values()
    assert "device" not in begun["config"]["train"]


def test_the_code_is_named_by_number_and_by_content(begun: dict[str, Any]) -> None:
    versions = begun["versions"]
    assert (versions["kdrun"], versions["torch"]) == (__version__, version("torch"))
    assert len(begun["code"]["kdrun"]) == 64


def test_time_is_that_of_greenwich() -> None:
    told = datetime.fromisoformat(now())
    assert told.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=5)


def test_a_commit_is_that_of_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert provenance._commit() is None  # which is in no repository
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "a1b2c3d-dirty\n")
    )
    assert provenance._commit() == "a1b2c3d-dirty"


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10)])
def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert provenance._commit() is None
