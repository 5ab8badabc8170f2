"""Values instead of classes, from the data to the predictions."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import nn

from kdrun.dataset.diabetes import diabetes
from kdrun.dataset.domains import rows
from kdrun.dataset.loader import make_loader
from kdrun.loss.ce import CE
from kdrun.model.features import Network
from kdrun.score.evaluate import evaluate
from kdrun.task.regression import Regression
from kdrun.types import Arrays, Batch, Outputs


class Said(nn.Module):
    """Answers what it was told, by index."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.values[batch.index][:, None])


def test_errors_are_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    truth, said, taught = torch.randn(3, 70, generator=generator) - 2
    loader = make_loader(Arrays(torch.zeros(70, 1), truth), 32, seed=0, train=False)
    metrics, confusion = evaluate(Said(said), loader, Regression(), Said(taught))
    assert metrics["mae"] == pytest.approx(mean_absolute_error(truth, said))
    assert metrics["rmse"] == pytest.approx(root_mean_squared_error(truth, said))
    assert metrics["r2"] == pytest.approx(r2_score(truth, said))
    assert metrics["teacher_rmse"] == pytest.approx(root_mean_squared_error(truth, taught))
    assert confusion.numel() == 0


def test_a_constant_target_has_no_r2() -> None:
    loader = make_loader(Arrays(torch.zeros(5, 1), torch.ones(5)), 5, seed=0, train=False)
    assert "r2" not in evaluate(Said(torch.zeros(5)), loader, Regression()).metrics


def test_always_the_mean_costs_one() -> None:
    targets = diabetes(val_fraction=0).train.targets
    term = CE()
    outputs = Outputs(torch.full((len(targets), 1), float(targets.mean())))
    term.build(outputs, outputs, targets)
    batch = Batch(torch.zeros(1), targets, torch.arange(len(targets)))
    assert float(term(outputs, outputs, batch)) == pytest.approx(1.0)


def test_a_network_answers_in_the_unit_of_the_data() -> None:
    network = Network(nn.Linear(4, 1))
    x = torch.randn(3, 4)
    batch = Batch(x, torch.zeros(3), torch.arange(3))
    standard = network(batch).logits
    network.unit = Regression().unit(torch.tensor([100.0, 300.0]))
    assert network.unit == (200.0, 100.0)
    assert torch.allclose(network(batch).logits, 100 * standard + 200)


WORDS = ("dataset=diabetes", "student=mlp", "train.progress=false", "train.epochs=12")


def test_a_run_tells_errors_and_predicts_values(kdrun: Any) -> None:
    told = kdrun(*WORDS, "method=supervised", "train.early_stop=8")
    assert told.status == 0, told.err
    (folder,) = Path("outputs/default").glob("supervised_*")
    metrics = json.loads((folder / "record.json").read_text())["metrics"]
    assert metrics["test_r2"] > 0.2
    assert metrics["test_mae"] < metrics["test_rmse"] < 80
    assert "val_r2" in metrics
    assert not [name for name in metrics if "accuracy" in name or "f1" in name]
    assert not (folder / "confusion.png").exists()

    test = diabetes().test
    np.savez("new.npz", x=rows(test).numpy())
    said = kdrun("predict", str(folder), "new.npz").out
    values = [float(row["value"]) for row in csv.DictReader(io.StringIO(said))]
    assert r2_score(test.targets, values) == pytest.approx(metrics["test_r2"], abs=1e-3)


def test_a_teacher_of_values_is_distilled_by_its_squared_error(kdrun: Any) -> None:
    words = ("method=distill", "teacher=mlp", "loss=mse", "student.model.hidden=[4]")
    told = kdrun(*WORDS, *words)
    assert told.status == 0, told.err
    (record,) = Path("outputs/default").glob("distill_*/record.json")
    metrics = json.loads(record.read_text())["metrics"]
    assert metrics["teacher_rmse"] < 80
    assert metrics["compression"] > 10


def test_a_mapping_is_for_classes(kdrun: Any) -> None:
    told = kdrun("method=transfer", "dataset=diabetes", "transfer=pca_mapping")
    assert told.status == 2
    assert "these targets are values" in told.err
