"""One process at a time works in a run's folder, and nothing is left of one that never began."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.run.folder import CHECKPOINT, LOCK, STUDENT, UNBEGUN, at_work, busy, forget


def test_a_folder_is_made_and_held_while_somebody_works(tmp_path: Path) -> None:
    run = tmp_path / "a" / "b"
    assert not busy(run)
    with at_work(run):
        assert busy(run)
        assert not busy(tmp_path)
    assert not busy(run)
    with pytest.raises(RuntimeError), at_work(run):
        raise RuntimeError
    assert not busy(run)


def begun(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        if name == ".hydra":
            (folder / name).mkdir()
            (folder / name / "config.yaml").touch()
        else:
            (folder / name).touch()
    return folder


def test_a_run_that_never_began_is_forgotten_with_the_folders_made_for_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    forget(begun(tmp_path / "outputs" / "x" / "run", ".hydra", "run.log", LOCK))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", [CHECKPOINT, STUDENT, "record.json", "metrics.csv"])
def test_one_that_left_anything_else_stays_whole(tmp_path: Path, name: str) -> None:
    run = begun(tmp_path / "run", *UNBEGUN, name)
    forget(run)
    assert {path.name for path in run.iterdir()} == {*UNBEGUN, name}


def test_a_neighbour_and_the_working_folder_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path / "outputs" / "other", "record.json")
    forget(begun(tmp_path / "outputs" / "run"))
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["other"]
    here = tmp_path / "empty"
    here.mkdir()
    monkeypatch.chdir(here)
    forget(begun(Path("outputs/x/run")))
    assert here.is_dir()
    assert not list(here.iterdir())
    forget(Path("nowhere"))
