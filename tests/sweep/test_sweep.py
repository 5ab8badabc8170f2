"""Sweeps that lose nothing: checked whole, resumed, interrupted, two at once."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

from kdrun import sweep
from kdrun.config.identity import Identity
from kdrun.config.schema import Rerun
from kdrun.files import checkpoint
from kdrun.results.record import load_record
from kdrun.sweep import jobs
from tests.conftest import QUICK
from tests.forked import Forked

WORDS = (*QUICK, "method=supervised")

FAULTY = '''
import os, pathlib, signal
import torch
from kdrun.loss.ce import CE


class Faulty(CE):
    """Cross entropy, but some seeds meet with an accident in their second epoch."""

    def __init__(self, seed: int, label_smoothing: float = 0.0) -> None:
        super().__init__(label_smoothing)
        self.seed, self.calls = seed, 0

    def forward(self, student, teacher, batch):
        loss = super().forward(student, teacher, batch)
        self.calls += 1
        if self.calls < 40:
            return loss
        if self.seed == 3:
            raise RuntimeError("an accident")
        if self.seed == 5:
            return loss * torch.nan
        if self.seed == 7 and not pathlib.Path("killed").exists():
            pathlib.Path("killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return loss
'''

ACCIDENTS = (
    *("plugins=[faulty]", "loss.terms.ce._target_=faulty.Faulty", "+loss.terms.ce.seed=${seed}"),
    *("train.epochs=3", "student=linear", "method=supervised", "train.progress=false"),
)


def rows(folder: str = "outputs/default") -> list[dict[str, str]]:
    with Path(folder, "results.csv").open() as file:
        return list(csv.DictReader(file))


def start(*words: str) -> subprocess.Popen[str]:
    """A command in a new interpreter."""
    call = [sys.executable, "-m", "kdrun", *words]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def children(parent: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True)
    return [int(word) for word in told.stdout.split()]


def run_of(seed: str) -> Path:
    (found,) = Path("outputs/default").glob(f"*_s{seed}-*")
    return found


def times(folder: str, among: set[str] | None = None) -> dict[Path, int]:
    """When each file of some runs was last written."""
    runs = [run for run in Path(folder).iterdir() if run.is_dir()]
    chosen = [run for run in runs if among is None or run.name in among]
    return {
        file: file.stat().st_mtime_ns for run in chosen for file in run.rglob("*") if file.is_file()
    }


def test_every_fault_of_every_job_is_told_before_the_first_begins(kdrun):
    told = kdrun("-m", *WORDS[1:], "teacher=resnet8", "train.batch_size=0,64", "seed=0,1")
    assert told.status == 2
    assert "train.batch_size=0: must be at least 1" in told.err
    assert "in train.batch_size=0 seed=0; train.batch_size=0 seed=1" in told.err
    assert not Path("outputs").exists()


def test_a_dry_run_tells_the_plan_and_does_nothing(kdrun):
    told = kdrun(*WORDS, "dry_run=true")
    assert told.status == 0
    assert "1 of 1 runs to do" in told.out
    assert not Path("outputs").exists()

    kdrun(*WORDS)
    told = kdrun("-m", *WORDS, "seed=0,1", "dry_run=true")
    assert "1 of 2 runs to do" in told.out
    assert "about" not in told.out  # estimate is off in tests
    assert len(rows()) == 1


def test_fail_fast_stops_at_the_first_failure(kdrun):
    words = ("-m", *WORDS, "train.precision=fp32", "optimizer.lr=1e38,0.1")
    told = kdrun(*words, "fail_fast=true")
    assert told.status == 1
    assert "1 of 2 runs failed" in told.out
    assert "1 of 2 runs are not done" in told.out
    assert len(rows()) == 1


def test_done_runs_are_neither_composed_nor_touched(kdrun, monkeypatch):
    kdrun("-m", *WORDS, "seed=0,1")
    before = times("outputs/default")

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(jobs.Composer, "__call__", fail)
    told = kdrun("-m", *WORDS, "seed=0,1")
    assert told.status == 0, told.err
    assert "2 of 2 runs ok, 2 of them before" in told.out
    assert times("outputs/default") == before


def test_a_row_lost_with_its_process_comes_back(kdrun):
    words = ("-m", *WORDS, "seed=0,1")
    kdrun(*words)
    table = Path("outputs/default/results.csv")
    whole = table.read_text()
    table.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    os.utime(table, ns=(0, 0))  # it is older than the last record
    assert kdrun(*words).status == 0
    assert table.read_text() == whole


def test_what_is_known_of_jobs_ends_when_a_config_changes(kdrun, tmp_path, monkeypatch):
    own = tmp_path / "own" / "optimizer"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text(
        "_target_: torch.optim.SGD\nlr: ${oc.decode:${oc.env:KDRUN_RATE,0.1}}\n"
    )
    words = ("--config-dir", "own", "-m", *WORDS, "optimizer=mine")
    kdrun(*words)
    assert "1 of them before" in kdrun(*words).out
    monkeypatch.setenv("KDRUN_RATE", "0.2")
    kdrun(*words)
    assert len(rows()) == 2
    (own / "mine.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.3\n")
    kdrun(*words)
    assert len(rows()) == 3


def test_resume_does_what_is_missing_from_anywhere(kdrun, tmp_path, monkeypatch):
    words = ("-m", *WORDS, "name=here", "optimizer.lr=1e38,0.1", "train.precision=fp32")
    kdrun(*words, "fail_fast=true")
    monkeypatch.chdir("/")
    told = kdrun("resume", str(tmp_path / "outputs" / "here"), "fail_fast=false")
    assert told.status == 1
    assert Path.cwd() == tmp_path
    assert [row["status"] for row in rows("outputs/here")].count("ok") == 1

    (run,) = (path.parent for path in Path("outputs/here").glob("*/student.safetensors"))
    assert kdrun("resume", str(run)).status == 0
    assert kdrun("resume", "outputs").status == 2
    Path("outputs/here").rename("outputs/there")
    assert "was made as" in kdrun("resume", "outputs/there").err


def test_resume_types_an_interpolation_as_it_was_typed(kdrun):
    kdrun("-m", *WORDS, "seed=1,2", "train.grad_clip=${seed}")
    told = kdrun("resume", "outputs/default")
    assert "train.grad_clip=${seed}" in told.out
    assert "2 of 2 runs ok, 2 of them before" in told.out


def test_jobs_that_others_are_at_come_last(tmp_path):
    what = Identity({}, {}, {}, "0" * 64)
    three = [jobs.Job((), tmp_path / name, name, what=what) for name in "abc"]
    waiting = list(three)
    (tmp_path / "a").mkdir()
    with FileLock(tmp_path / "a" / ".lock"):
        first, first_claim = sweep.take(waiting, Rerun.failed)
        second, second_claim = sweep.take(waiting, Rerun.failed)
        assert (first.label, second.label) == ("b", "c")
        assert sweep.take(waiting, Rerun.failed) is None
        assert sweep.take([second], Rerun.failed) is None  # claimed, though no run holds it yet
    last, last_claim = sweep.take(waiting, Rerun.failed)
    assert last.label == "a"
    for claim in (first_claim, second_claim, last_claim):
        claim.release()


def test_two_sweeps_share_the_jobs_of_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("-m", *WORDS, "train.epochs=3", "seed=range(5)")
    both = [Forked(*words) for _ in range(2)]
    told = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    for log in Path("outputs/default").glob("*/run.log"):
        assert log.read_text().count("epoch 3/3") == 1
    assert sorted(row["seed"] for row in rows()) == list("01234")
    assert sum(text.count("epoch 3/3") for text in told) == 5


def test_accidents_cost_their_own_job_and_no_other(kdrun, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Path("faulty.py").write_text(FAULTY)
    words = ("-m", *ACCIDENTS, "seed=2,3,5,7,8")
    with Forked(*words) as first:
        assert first.wait() == -signal.SIGKILL  # in-process, a kill ends the command
    assert [row["status"] for row in rows()] == ["ok", "failed", "failed"]
    (killed,) = Path("outputs/default").glob("*_s7-*")
    began = {row["seed"]: load_record(run_of(row["seed"]))["started"] for row in rows()}
    time.sleep(1)  # records tell time in seconds

    told = kdrun(*words)
    assert told.status == 1
    assert "2 of 5 runs failed:\n  seed=3: RuntimeError: an accident\n  seed=5: NonF" in told.out
    assert "continuing after epoch 1" in told.out
    assert load_record(killed)["status"] == "ok"
    by_seed = {row["seed"]: row for row in rows()}
    assert len(rows()) == len(by_seed) == 5
    assert by_seed["3"]["error"] == "RuntimeError: an accident"
    assert by_seed["5"]["error"].startswith("NonFiniteLossError")
    assert all(load_record(run_of(seed))["started"] > began[seed] for seed in ("3", "5"))
    done = {row["run_id"] for row in rows() if row["status"] == "ok"}
    assert len(done) == 3

    before = times("outputs/default", done)
    assert kdrun(*words).status == 0  # an epoch further on, these two meet no accident
    assert times("outputs/default", done) == before


def test_ctrl_c_keeps_everything(kdrun, monkeypatch):
    real, calls = checkpoint.save_state, []

    def interrupted(path, state):
        real(path, state)
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("kdrun.run.course.save_state", interrupted)
    words = ("-m", *WORDS, "train.epochs=2", "seed=0,1,2")
    told = kdrun(*words)
    assert told.status == 130
    assert "goes on" in told.err
    done = {row["run_id"] for row in rows() if row["status"] == "ok"}
    before = times("outputs/default", done)
    assert len(done) == 1
    told = kdrun(*words)
    assert told.status == 0
    assert "3 of 3 runs ok, 1 of them before" in told.out
    assert times("outputs/default", done) == before
