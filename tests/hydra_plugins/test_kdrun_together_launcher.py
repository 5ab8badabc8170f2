"""Side by side: the bits of those who run alone, and a fate for each."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.sweep.test_sweep import FAULTY

TOGETHER = ("-m", "hydra/launcher=together")

INTERRUPTED = '''
import os, pathlib, signal
from kdrun.loss.ce import CE


class Interrupted(CE):
    """Cross entropy; somebody types Ctrl-C in the second epoch, once."""

    calls = 0

    def forward(self, student, teacher, batch):
        self.calls += teacher is not None and teacher is not student
        if self.calls == 7 and not pathlib.Path("stopped").exists():
            pathlib.Path("stopped").touch()
            os.kill(os.getpid(), signal.SIGINT)
        return super().forward(student, teacher, batch)
'''

TINY = (
    *("plugins=[stops]", "loss.terms.ce._target_=stops.Interrupted", "train.epochs=3"),
    *("teacher=mlp", "teacher.seed=0", "train.progress=false", "train.batch_size=64"),
    *("dataset.train_size=200", "dataset.view_seed=5", "seed=1"),
    *("student=mlp", "+student.model.dropout=0.2"),  # drawn by the generator of the process
)


def records(name: str) -> dict[str, dict[str, Any]]:
    found = [json.loads(p.read_text()) for p in Path("outputs", name).glob("*/record.json")]
    return {record["run_id"]: record for record in found}


def table(name: str) -> list[dict[str, str]]:
    with Path("outputs", name, "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_they_are_what_they_are_alone_though_interrupted(kdrun):
    Path("stops.py").write_text(INTERRUPTED)
    told = kdrun(*TOGETHER, *TINY, "loss=kd,rkd", "name=beside")
    assert told.status == 130
    assert [row["status"] for row in table("beside")] == ["interrupted"] * 2
    told = kdrun(*TOGETHER, *TINY, "loss=kd,rkd", "name=beside")
    assert told.status == 0, told.err
    assert "2 jobs learn from the same batches as others: side by side, 2 at once" in told.out
    assert told.out.count(" ok after ") == 2
    assert kdrun(*TINY, "loss=rkd", "name=alone", "teacher.cache=none").status == 0

    alone, beside = records("alone"), records("beside")
    assert len(beside) == 2
    for name, record in alone.items():
        other, folder = beside[name], Path("outputs/beside", name)
        assert record["weights_sha256"] == other["weights_sha256"]
        for column in ("test_nll", "agreement", "teacher_accuracy", "val_accuracy"):
            assert record["metrics"][column] == other["metrics"][column], column
        assert (folder / ".hydra/overrides.yaml").is_file()
        assert "continuing after epoch" in (folder / "run.log").read_text()
    assert {row["answers"] for row in table("alone")} == {"live"}
    assert sum(float(row["teacher_passes"]) for row in table("alone")) == 3
    # The first batch was asked about before, to see what is said.
    assert 2.5 < sum(float(row["teacher_passes"]) for row in table("beside")) < 3


def test_each_has_its_fate(kdrun):
    Path("faulty.py").write_text(FAULTY)
    words = (
        *("plugins=[faulty]", "loss.terms.ce._target_=faulty.Faulty"),
        *("+loss.terms.ce.seed=${seed}", "student=linear", "method=supervised"),
        *("train.progress=false", "train.epochs=3", "dataset.view_seed=1", "seed=3,8"),
    )
    told = kdrun(*TOGETHER, *words)
    assert told.status == 1
    assert "1 of 2 runs failed" in told.out
    errors = {row["seed"]: row["error"] for row in table("default")}
    assert errors["8"] == ""
    assert errors["3"] == "RuntimeError: an accident"
    (kept,) = [row["run_dir"] for row in table("default") if row["seed"] == "3"]
    assert Path("outputs/default", kept, "checkpoint.pt").exists()


def test_less_than_one_at_once_is_refused(kdrun):
    told = kdrun(*TOGETHER, "student=linear", "hydra.launcher.n_jobs=0")
    assert told.status == 2
    assert "hydra.launcher.n_jobs=0: must be at least 1" in told.err
