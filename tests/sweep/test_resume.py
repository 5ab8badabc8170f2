"""The command of a folder is typed again, if it is the user's own or trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from kdrun import cli
from kdrun.sweep import resume
from kdrun.sweep.resume import command


def kept(
    folder: Path,
    *task: str,
    hydra: tuple[str, ...] = (),
    cwd: Path | None = None,
    sweep: bool = True,
) -> Path:
    """The folder of a sweep, or of a run, as Hydra leaves it."""
    place = folder / ("multirun.yaml" if sweep else ".hydra/hydra.yaml")
    place.parent.mkdir(parents=True, exist_ok=True)
    sources = [{"provider": "main", "schema": "file", "path": "x"}]
    cwd = cwd or folder.parent.parent
    runtime = {"cwd": str(cwd), "output_dir": str(folder), "config_sources": sources}
    overrides = {"hydra": list(hydra), "task": list(task)}
    swept = {"dir": str(folder.relative_to(cwd)) if folder.is_relative_to(cwd) else str(folder)}
    config = {"hydra": {"overrides": overrides, "runtime": runtime, "sweep": swept}}
    OmegaConf.save(OmegaConf.create(config), place)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "outputs" / "x"


def test_a_sweep_is_typed_as_it_was_less_what_held_for_once(folder: Path) -> None:
    once = ("rerun=all", "dry_run=true", "job.identity='a'", "+job.command=b", "job.shared=true")
    kept(
        folder, "seed=1,2", "train.grad_clip=${seed}", *once, "rerun=none", hydra=("hydra.mode=M",)
    )
    assert command(folder) == ["-m", "seed=1,2", "train.grad_clip=${seed}", "rerun=none"]


def test_a_run_is_typed_without_the_sweep(folder: Path) -> None:
    kept(folder / "run", "seed=1", cwd=folder.parent.parent, sweep=False)
    assert command(folder / "run") == ["seed=1"]


def test_another_launcher_forgets_the_settings_of_the_first(folder: Path) -> None:
    words = ("hydra/launcher=local", "hydra.launcher.n_jobs=2")
    kept(folder, "seed=1,2", hydra=words)
    assert command(folder) == ["-m", *words, "seed=1,2"]
    assert command(folder, "hydra/launcher=", "hydra.launcher.") == ["-m", "seed=1,2"]


def test_data_are_not_fetched_for_a_folder_unless_it_is_trusted(folder: Path) -> None:
    kept(folder, "seed=1", "dataset.download=true")
    assert command(folder) == ["-m", "seed=1"]
    assert command(folder, trusted=True) == ["-m", "seed=1", "dataset.download=true"]


def test_it_goes_where_the_command_was_typed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(folder, "seed=1")
    monkeypatch.chdir("/")
    command(folder)
    assert Path.cwd() == folder.parent.parent


def test_what_was_moved_is_told_with_its_place(folder: Path, tmp_path: Path) -> None:
    kept(folder, "seed=1")
    moved = folder.with_name("y")
    folder.rename(moved)
    with pytest.raises(ValueError, match=r"y was made as .*outputs/x; move it there, or type its"):
        command(moved)


@pytest.mark.parametrize(
    ("word", "hydra", "doubt"),
    [
        ("dataset.path=${oc.env:HOME}/x.csv", False, "reads the environment"),
        ("name=../../elsewhere", False, "writes elsewhere, name="),
        ("cache=/tmp/x", False, "writes elsewhere, cache="),
        ("logger.mlflow.uri=http://x", False, "sends its results away"),
        ("hydra.launcher._target_=os.system", True, "sets hydra.launcher._target_=os.system"),
        ("hydra.run.dir=/tmp/x", True, "sets hydra.run.dir=/tmp/x"),
    ],
)
def test_a_command_that_does_more_than_train_is_shown_and_has_to_be_trusted(
    folder: Path, word: str, hydra: bool, doubt: str
) -> None:
    kept(folder, *([] if hydra else [word]), "seed=1", hydra=(word,) if hydra else ())
    with pytest.raises(ValueError, match=doubt.replace("[", r"\[")) as error:
        command(folder)
    assert word.partition("=")[0] in str(error.value).partition("It would run: kdrun")[2]
    assert str(error.value).endswith(f"kdrun resume {folder} --trust")
    assert "seed=1" in command(folder, trusted=True)


def test_harmless_words_of_hydra_and_our_own_variables_need_no_trust(folder: Path) -> None:
    words = ("hydra/launcher=slurm", "hydra.launcher.partition=gpu", "hydra.sweeper.n_trials=9")
    kept(folder, "train.precision=${oc.env:KDRUN_PRECISION}", hydra=words)
    assert command(folder)[1:4] == [*words]


def test_a_folder_that_was_made_elsewhere_is_somebody_elses(folder: Path, tmp_path: Path) -> None:
    kept(folder, "seed=1", cwd=tmp_path / "home")
    with pytest.raises(ValueError, match=r"was made in .*home', and lies elsewhere"):
        command(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "is no sweep and no run"),
        ("a: [", "multirun.yaml"),
        ("a: 1", "is no command that kdrun wrote"),
    ],
)
def test_what_holds_no_command_is_told(folder: Path, text: str | None, told: str) -> None:
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "multirun.yaml").write_text(text)
    with pytest.raises(ValueError, match=told) as error:
        command(folder)
    assert "\n" not in str(error.value)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the command line was given in the end."""
    seen: list[Any] = []

    def main(typed: list[str]) -> None:
        seen.append((resume.sys.argv[1:], typed))
        raise SystemExit(0)

    monkeypatch.setattr(cli, "main", main)
    monkeypatch.setattr(resume.sys, "argv", ["kdrun"])
    return seen


def test_overrides_are_added_and_packages_have_to_be_typed(
    folder: Path, typed: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    kept(folder, "seed=1,2", "plugins=[mine]")
    assert resume.main([str(folder)]) == 2
    told = capsys.readouterr().err
    assert "a folder opens no package: if you trust it, kdrun resume" in told
    assert typed == []
    with pytest.raises(SystemExit):
        resume.main([str(folder), "rerun=all", "--plugin", "mine"])
    words = ["rerun=all", "plugins=[mine]"]
    assert typed == [(["-m", "seed=1,2", *words], words)]
    assert capsys.readouterr().out == "kdrun -m seed=1,2 rerun=all 'plugins=[mine]'\n"


def test_what_is_trusted_counts_as_typed(folder: Path, typed: list[Any]) -> None:
    kept(folder, "cache=/tmp/x")
    with pytest.raises(SystemExit):
        resume.main([str(folder), "--trust"])
    assert typed == [(["-m", "cache=/tmp/x"], ["-m", "cache=/tmp/x"])]
