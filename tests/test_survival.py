"""What is left of a sweep in which jobs raise, go astray and are killed, or which is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from kdrun.results import load_record
from kdrun.run import busy
from tests.test_sweep import ACCIDENTS, FAULTY, rows, start, times

ACCIDENT, ASTRAY, KILLED = 3, 5, 7  # seeds of FAULTY

LAUNCHERS = {
    "basic": (),
    "local": ("hydra/launcher=local", "hydra.launcher.n_jobs=2"),
    "submitit": ("hydra/launcher=slurm", "hydra.launcher.executor=local"),
    "ray": (
        *("hydra/launcher=ray", "hydra.launcher.ray.init.address=local"),
        "+hydra.launcher.ray.init.num_cpus=2",
    ),
}
NEEDS = {"submitit": "submitit", "ray": "ray"}


def typed(*words: str) -> tuple[int, str]:
    with start(*words) as process:
        told, _ = process.communicate()
    return process.returncode, told


@pytest.mark.parametrize(
    "launcher",
    [name if name == "basic" else pytest.param(name, marks=pytest.mark.slow) for name in LAUNCHERS],
)
def test_twelve_jobs_and_three_accidents(launcher, tmp_path, monkeypatch):
    if (needed := NEEDS.get(launcher)) and not find_spec(needed):
        pytest.skip(f"needs {needed}")
    monkeypatch.chdir(tmp_path)
    Path("faulty.py").write_text(FAULTY)
    words = ("-m", *LAUNCHERS[launcher], *ACCIDENTS, "seed=range(12)")
    status, told = typed(*words)
    if launcher == "basic":  # in-process, a kill ends the command
        assert status == -signal.SIGKILL
        assert "s7-" in str(next(Path("outputs/default").glob("*s7-*")))
        assert Counter(row["status"] for row in rows()) == {"ok": 5, "failed": 2}
        status, told = typed(*words)
    assert status == 1, told
    by_seed = {int(row["seed"]): row for row in rows()}
    assert len(rows()) == len(by_seed) == 12
    failed = {seed for seed, row in by_seed.items() if row["status"] == "failed"}
    assert failed == {ACCIDENT, ASTRAY} | ({KILLED} if launcher != "basic" else set())
    assert by_seed[ACCIDENT]["error"] == "RuntimeError: an accident"
    assert by_seed[ASTRAY]["error"].startswith("NonFiniteLossError")
    assert f"{len(failed)} of 12 runs failed" in told

    done = {row["run_id"] for row in by_seed.values() if row["status"] == "ok"}
    before = times("outputs/default", done)
    began = {seed: load_record(run_of(seed))["started"] for seed in failed}
    time.sleep(1)  # records tell time in seconds
    _, told = typed(*words)
    assert times("outputs/default", done) == before, "a finished run was touched"
    assert "continuing after epoch 1" in (run_of(KILLED) / "run.log").read_text() + told
    assert load_record(run_of(KILLED))["status"] == "ok"
    assert all(load_record(run_of(seed))["started"] > began[seed] for seed in failed)
    assert len(rows()) == 12


def run_of(seed: int) -> Path:
    (found,) = Path("outputs/default").glob(f"*_s{seed}-*")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "local"])
def test_a_sweep_killed_ten_times_loses_nothing(launcher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seed = int(os.environ.get("KDRUN_SEED", "0")) or random.randrange(1, 10**6)
    draw = random.Random(seed)
    words = (
        *("-m", "name=tried", "student=linear", "method=supervised", "train.progress=false"),
        *(*LAUNCHERS[launcher], "train.epochs=15", "seed=range(12)"),
    )
    done: dict[str, dict[Path, int]] = {}
    kills, history = 0, []
    while kills < 10:
        began = time.monotonic()
        stamp = newest()
        with subprocess.Popen(
            [sys.executable, "-m", "kdrun", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            # Some kills meet the start, most the work, however long the start takes here.
            if draw.random() > 0.2:
                while newest() == stamp and process.poll() is None:
                    time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.6 * (time.monotonic() - began)))
            assert process.poll() is None, f"the sweep ended before it was killed ({seed=})"
            os.killpg(process.pid, signal.SIGKILL)
        kills += 1
        quiet()
        there = rows("outputs/tried") if table().exists() else []
        now = {row["run_id"] for row in there if row["status"] == "ok"}
        assert set(done) <= now, f"a row was lost ({seed=})"
        for run in now - set(done):
            done[run] = times("outputs/tried", {run})
        for run, before in done.items():
            assert times("outputs/tried", {run}) == before, f"{run} was touched ({seed=})"
        for record in Path("outputs/tried").glob("*/record.json"):
            load_record(record.parent)
        history.append((round(time.monotonic() - began, 1), len(now)))
    print(f"{launcher}, {seed=}: seconds until each kill and rows then: {history}")

    status, told = typed(*words)
    assert status == 0, told
    assert "12 of 12 runs ok" in told
    assert not done or f", {len(done)} of them before" in told
    table_tried = rows("outputs/tried")
    assert Counter(row["seed"] for row in table_tried) == Counter(map(str, range(12)))
    text = table().read_text()
    assert typed("collect", "outputs/tried")[0] == 0
    assert table().read_text() == text

    shutil.move("outputs/tried", "killed")
    assert typed(*words)[0] == 0
    for row, undisturbed in zip(table_tried, rows("outputs/tried"), strict=True):
        assert row["run_id"] == undisturbed["run_id"]
        weights = [
            Path(folder, row["run_id"], "student.safetensors").read_bytes()
            for folder in ("killed", "outputs/tried")
        ]
        assert weights[0] == weights[1], f"{row['run_id']} came out otherwise ({seed=})"


def table() -> Path:
    return Path("outputs/tried/results.csv")


def newest() -> int:
    """When a checkpoint was last written."""
    found = [path.stat().st_mtime_ns for path in Path().glob("outputs/tried/*/checkpoint.pt")]
    return max(found, default=0)


def quiet() -> None:
    """Wait until the processes of a killed sweep are gone too."""
    runs = [path for path in Path("outputs/tried").glob("*") if path.is_dir()]
    while any(busy(run) for run in runs):
        time.sleep(0.05)
