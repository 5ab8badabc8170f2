"""What is left of a sweep in which jobs raise, go astray and are killed, under every launcher.

The suite has a quick test of each: `test_accidents_cost_their_own_job_and_no_other` of test_sweep,
and those of tests/hydra_plugins.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from kdrun.results.record import load_record
from tests.sweep.test_sweep import ACCIDENTS, FAULTY, rows, start, times

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


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
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
def test_killed_ten_times_over_no_finished_run_is_lost_or_doubled(launcher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = ("method=supervised", "student=linear", "train.epochs=8", "train.progress=false")
    words = ("-m", *LAUNCHERS[launcher], *quick, "seed=range(24)")
    moments, before = random.Random(0), finished()
    for _ in range(10):
        call = [sys.executable, "-m", "kdrun", *words]
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, start_new_session=True)
        while len(finished()) == len(before):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(moments.uniform(0, 0.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(1)  # jobs of the local launcher end when they see that it has
        after = finished()
        assert before.items() <= after.items()
        if Path("outputs/default/results.csv").exists():
            names = [row["run_id"] for row in rows()]
            assert len(names) == len(set(names))
        before = after
    status, told = typed(*words)
    assert status == 0, told
    assert before.items() <= finished().items()
    assert len({row["seed"] for row in rows()}) == len(rows()) == len(finished()) == 24


def finished() -> dict[str, int]:
    """When the record of each run that ended well was written."""
    records = Path("outputs/default").glob("*/record.json")
    ended = {path: json.loads(path.read_text())["status"] for path in records}
    return {str(path): path.stat().st_mtime_ns for path in ended if ended[path] == "ok"}
