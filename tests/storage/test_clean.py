"""`kdrun du` and `kdrun clean`: what is told, what goes, and what stays whatever is typed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from filelock import FileLock

from kdrun.results.record import save_record
from kdrun.storage import clean, du
from kdrun.storage.find import Kind, found
from tests.storage.conftest import SWEEP, run


def remains(*names: str) -> list[bool]:
    return [(SWEEP / name).exists() for name in names]


def test_a_dry_run_and_nobody_to_ask_remove_nothing(house: Path, capsys, monkeypatch) -> None:
    everything = sorted(house.rglob("*"))
    assert clean.main(["--dry-run", "--unfinished", "--cache", "--home"]) == 0
    assert "outputs/default/done/checkpoint.pt" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert clean.main([]) == 2
    assert "say --yes" in capsys.readouterr().err
    locks = {".lock", ".claim"}
    assert [path for path in sorted(house.rglob("*")) if path.name not in locks] == everything


@pytest.mark.parametrize(("answer", "gone"), [("y", True), ("", False), ("no", False)])
def test_one_is_asked_first(house: Path, capsys, monkeypatch, answer: str, gone: bool) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert clean.main([]) == (0 if gone else 2)
    assert remains("done/checkpoint.pt") == [not gone]


def test_leftovers_go_and_results_stay(house: Path) -> None:
    record = (SWEEP / "done" / "record.json").read_bytes()
    assert clean.main(["--yes"]) == 0
    assert remains("done/checkpoint.pt", "done/.record.json.1-2.tmp", "unbegun") == [False] * 3
    assert remains("kept/checkpoint.pt", "failed/checkpoint.pt", "done/student.safetensors") == [
        *(True, True, True)
    ]
    assert (SWEEP / "done" / "record.json").read_bytes() == record
    assert Path("outputs/cache/features/a.npy").exists()
    assert (house / "home" / "kdrun" / "paces").exists()
    assert not (house / "temporary" / "kdrun-trial-abc").exists()


def test_more_goes_by_its_flag_and_finished_runs_never(house: Path) -> None:
    assert clean.main(["--yes", "--unfinished", "--cache", "--home"]) == 0
    assert remains("failed", "done", "kept/checkpoint.pt") == [False, True, True]
    assert not Path("outputs/cache/teacher/teacher_run").exists()
    assert not Path("outputs/cache/features").exists()
    assert not (house / "home" / "kdrun" / "paces").exists()
    kinds = {item.kind for item in found(Path("outputs"))}
    assert kinds == {Kind.results, Kind.kept}
    assert "failed" not in (SWEEP / "results.csv").read_text()


@pytest.mark.parametrize("lock", [".lock", ".claim"])
def test_a_run_that_somebody_is_at_is_left_alone(house: Path, capsys, lock: str) -> None:
    run("at_it", "running")
    with FileLock(SWEEP / "at_it" / lock):
        assert clean.main(["--yes", "--unfinished", "--cache"]) == 0
    assert remains("at_it", "failed") == [True, False]
    assert Path("outputs/cache/teacher/teacher_run").exists()
    assert "the cache stays" in capsys.readouterr().out


def test_a_run_that_began_since_it_was_listed_is_left_alone(house: Path, monkeypatch) -> None:
    listed = found(Path("outputs"))
    save_record(SWEEP / "failed", json.loads((SWEEP / "done" / "record.json").read_bytes()))
    monkeypatch.setattr(clean, "found", lambda _: listed)
    assert clean.main(["--yes", "--unfinished"]) == 0
    assert remains("failed") == [True]


def test_no_folder_is_a_mistake(house: Path, capsys) -> None:
    assert (du.main(["nowhere"]), clean.main(["nowhere", "--yes"])) == (2, 2)
    assert "nowhere is no folder" in capsys.readouterr().err
