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
from sklearn.metrics import r2_score
from torch import nn

from kdrun.dataset.diabetes import diabetes
from kdrun.dataset.domains import rows
from kdrun.loss.ce import CE
from kdrun.model.features import Network
from kdrun.task.regression import Regression
from kdrun.types import Batch, Outputs


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
