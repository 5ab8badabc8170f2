"""A folder of runs with one of everything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kdrun.results.record import collect, save_record

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
