"""A task of one's own: a yaml, a module and a dataset in a folder, nothing else; all commands."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdrun.results import glossary

TASK = """\
# Counts of events: one non-negative number a sample, by Poisson's distribution.
_target_: counting.Counting
"""

DATASET = """\
# Counts whose rate depends on four numbers; made up.
name: counts
_target_: counting.counts
samples: 120
"""

MODULE = '''
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from kdrun.dataset.split import cut
from kdrun.task import Scores, Tally, Task
from kdrun.task.metrics import Metric
from kdrun.types import Arrays, Dataset


@dataclass(frozen=True)
class Counting(Task):
    """Targets are (N,) counts; logits are (N, 1), the logarithm of the rate, and are the rows."""

    name: ClassVar[str] = "counting"
    metrics: ClassVar = (
        Metric("deviance", "", True, "mean Poisson deviance"),
        Metric("zeros", "%", False, "samples without an event that were given less than one"),
    )
    beside: ClassVar = (Metric("teacher_deviance", "", True, "deviance of the teacher"),)
    criterion: ClassVar[str] = "deviance"
    headline: ClassVar[str] = "deviance"
    watched: ClassVar = ("deviance",)

    @property
    def width(self):
        return 1

    def accept(self, targets):
        if bool((targets < 0).any()):
            raise ValueError("counts are never below zero")

    def supervised(self, outputs, batch, smoothing=0.0, scale=1.0):
        return F.poisson_nll_loss(outputs.logits.squeeze(1), batch.target)

    def tally(self):
        return Deviance()

    def columns(self):
        return ["rate"]

    def answers(self, outputs, names, folder):
        for rate in outputs.logits.squeeze(1).exp().tolist():
            yield [f"{rate:.6g}"]


class Deviance(Tally):
    def __init__(self):
        self.said, self.taught, self.targets = [], [], []

    def add(self, student, teacher, batch):
        self.said.append(student.logits.squeeze(1).double())
        self.targets.append(batch.target.double())
        if teacher is not None:
            self.taught.append(teacher.logits.squeeze(1).double())

    def scores(self):
        target, said = torch.cat(self.targets), torch.cat(self.said)
        none = target == 0
        metrics = {
            "deviance": deviance(said, target),
            "zeros": float((said[none] < 0).double().mean()) if bool(none.any()) else 0.0,
        }
        if self.taught:
            metrics["teacher_deviance"] = deviance(torch.cat(self.taught), target)
        return Scores(metrics, torch.zeros(0, 0, dtype=torch.int64))


def deviance(log_rate, target):
    each = torch.xlogy(target, target) - target * log_rate - target + log_rate.exp()
    return float(2 * each.mean())


def counts(samples: int = 120, val_fraction: float = 0.2, split_seed: int = 0) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(samples, 4, generator=generator)
    targets = torch.poisson((rows @ torch.tensor([0.5, -0.4, 0.3, 0.0])).exp(), generator)
    task = Counting()
    whole = Arrays(rows[: samples // 2], targets[: samples // 2], task=task)
    train, val = cut(whole, val_fraction, split_seed)
    test = Arrays(rows[samples // 2 :], targets[samples // 2 :], task=task)
    return Dataset(train, val, test, [], (4,))
'''

OWN = ("--config-dir", "configs", "plugins=[counting]")
WORDS = ("dataset=counts", "teacher=mlp", "student=mlp", "student.model.hidden=[3]", "loss=mse")
QUICK = ("train.epochs=2", "teacher.recipe.epochs=2", "train.progress=false", "optimizer.lr=0.01")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The three files, and nothing else."""
    for name, text in (
        ("configs/task/counting.yaml", TASK),
        ("configs/dataset/counts.yaml", DATASET),
        ("counting.py", MODULE),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def record(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return told


def test_everything_works_for_a_task_of_ones_own(
    kdrun: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = kdrun(
        "-m", *OWN, *WORDS, *QUICK, "train.early_stop=5", "seed=0,1", "hydra/launcher=basic"
    )
    assert swept.status == 0, swept.err
    runs = sorted(Path("outputs/default").glob("distill_*"))
    assert len(runs) == 2
    for run in runs:
        told = record(run)
        assert told["task"]["name"] == "counting"
        assert told["task"]["columns"]["test_deviance"]["better"] == "less"
        metrics = told["metrics"]
        assert metrics["test_deviance"] > 0
        assert metrics["val_deviance"] > 0
        assert metrics["teacher_deviance"] > 0
        assert not [name for name in metrics if "accuracy" in name or "rmse" in name]
    assert "test_deviance" in swept.out

    # The direction is read from the record: nothing in the name says it.
    monkeypatch.setattr(glossary, "_told", {})
    monkeypatch.setattr(glossary, "_headlines", {})
    answer = kdrun("compare", "outputs/default", "--by", "seed", "--format", "csv")
    assert answer.status == 0, answer.err
    assert "nothing says whether more or less" not in answer.err
    lines = list(csv.DictReader(io.StringIO(answer.out)))
    best_first = [float(line["test_deviance"]) for line in lines]
    assert best_first == sorted(best_first)
    shares = kdrun("compare", "outputs/default", "--by", "seed", "--metric", "test_zeros")
    assert "test_zeros [%]" in shares.out

    run = runs[0]
    rows = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.savez("new.npz", x=rows)
    refused = kdrun("predict", str(run), "new.npz")
    assert refused.status == 2
    assert "counting" in refused.err
    told = kdrun("predict", str(run), "new.npz", "--plugin", "counting")
    assert told.status == 0, told.err
    rates = [float(row["rate"]) for row in csv.DictReader(io.StringIO(told.out))]
    assert len(rates) == 3
    assert all(rate > 0 and math.isfinite(rate) for rate in rates)


def test_the_command_line_goes_before_the_dataset(kdrun: Any, folder: Path) -> None:
    words = ("dataset=diabetes", "method=supervised", "student=linear", "train.epochs=1")
    told = kdrun(*OWN, *words, "task=counting", "train.progress=false")
    assert told.status == 0, told.err
    (run,) = Path("outputs/default").glob("supervised_*")
    assert record(run)["task"]["name"] == "counting"
    assert record(run)["config"]["task"] == {"_target_": "counting.Counting"}

    closed = kdrun("--config-dir", "configs", *words, "task=counting")
    assert closed.status == 2
    assert "plugins=[counting]" in closed.err


def test_a_loss_that_the_task_has_no_use_for_is_refused(kdrun: Any, folder: Path) -> None:
    told = kdrun(*OWN, *WORDS, *QUICK, "loss=kd")
    assert told.status == 2
    assert "C at least 2" in told.err
