"""`kdrun du` and `kdrun clean`: what is told, what goes, and what stays whatever is typed."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from filelock import FileLock

from kdrun.results.record import collect, save_record
from kdrun.storage import clean, du
from kdrun.storage.find import Kind, found

SWEEP = Path("outputs/default")


def run(name: str, status: str = "ok", folder: Path = SWEEP, **more: object) -> Path:
    run_dir = folder / name
    run_dir.mkdir(parents=True)
    record = {"run_id": name, "status": status, "error": "", "run": {}, "metrics": {}, "config": {}}
    save_record(run_dir, {**record, **more})  # type: ignore[typeddict-item]
    (run_dir / "student.safetensors").write_bytes(b"w" * 1000)
    return run_dir


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of everything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary" / "kdrun-trial-abc").mkdir(parents=True)
    os.utime(tmp_path / "temporary" / "kdrun-trial-abc", (0, 0))
    (tmp_path / "home" / "kdrun" / "paces").mkdir(parents=True)
    done = run("done")
    (done / "checkpoint.pt").write_bytes(b"c" * 5000)
    (done / ".record.json.1-2.tmp").write_bytes(b"t" * 10)
    kept = run("kept", runtime={"train.keep_checkpoint": True})
    (kept / "checkpoint.pt").write_bytes(b"c" * 5000)
    (run("failed", "failed") / "checkpoint.pt").write_bytes(b"c" * 5000)
    collect(SWEEP)
    (SWEEP / "unbegun" / ".hydra").mkdir(parents=True)
    (SWEEP / "unbegun" / "run.log").touch()
    run("teacher_run", folder=Path("outputs/cache/teacher"))
    (Path("outputs/cache/features")).mkdir()
    Path("outputs/cache/features/a.npy").write_bytes(b"f" * 300)
    return tmp_path


def remains(*names: str) -> list[bool]:
    return [(SWEEP / name).exists() for name in names]


def test_du_tells_each_kind_with_its_size(house: Path, capsys) -> None:
    assert du.main([]) == 0
    out = capsys.readouterr().out
    lines = {line.split("  ")[-1].split(":")[0].strip(): line for line in out.splitlines()}
    assert "5.0 kB" in lines["checkpoints of finished runs"]
    assert "5.0 kB" in lines["checkpoints kept by train.keep_checkpoint"]
    assert "folders of runs that never began" in lines
    assert all(len(line) <= 80 for line in out.splitlines())
    total = sum(item.size for item in found(Path("outputs")))
    assert f"{du.volume(total)} " in lines["in all"]


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


def test_nothing_behind_a_link_is_looked_at(house: Path) -> None:
    elsewhere = run("elsewhere", "failed", folder=house / "other")
    (SWEEP / "link").symlink_to(elsewhere)
    (SWEEP / "failed" / "student.safetensors").unlink()
    (SWEEP / "failed" / "student.safetensors").symlink_to(elsewhere / "student.safetensors")
    assert clean.main(["--yes", "--unfinished"]) == 0
    assert (elsewhere / "student.safetensors").exists()


def test_no_folder_is_a_mistake(house: Path, capsys) -> None:
    assert (du.main(["nowhere"]), clean.main(["nowhere", "--yes"])) == (2, 2)
    assert "nowhere is no folder" in capsys.readouterr().err


def test_sizes_as_people_say_them() -> None:
    told = [du.volume(size) for size in (0, 999, 1000, 999_600, 12_345_678, 5 * 10**15)]
    assert told == ["0 B", "999 B", "1.0 kB", "1.0 MB", "12 MB", "5000 TB"]
