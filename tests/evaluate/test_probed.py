"""A probe is of the classes of the data, whatever the student tells."""

from __future__ import annotations

import pytest
import torch

from kdrun.evaluate import probed as module
from kdrun.evaluate.probed import probed
from kdrun.evaluate.reads import Reads
from kdrun.model import build
from kdrun.task.classification import Classification
from kdrun.types import Arrays, Dataset


def data(hidden: bool = False) -> Dataset:
    draw = torch.Generator().manual_seed(0)
    targets = torch.arange(40) % 2
    rows = torch.randn(40, 4, generator=draw) + targets[:, None] * 4
    train = Arrays(rows, torch.full_like(targets, -1) if hidden else targets)
    return Dataset(train, None, Arrays(rows[:10], targets[:10]), ["left", "right"], (4,))


def test_other_classes_than_the_students(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build({"_target_": "kdrun.model.mlp.MLP", "hidden": [8]}, num_classes=3, shape=(4,))
    reads = Reads((4,), None, Classification(("a", "b", "c")), (), False, lambda told: None)
    monkeypatch.setattr(module, "who", lambda run: (run, "weights"))
    told: list[str] = []
    line = probed("run", network, data(), reads, "mine", 16, torch.device("cpu"), told.append)
    assert line.data == "mine --probe"
    assert told == ["probed with 40 labelled training embeddings of 8 numbers"]
    assert line.metrics["probe_accuracy"] == 1
    assert line.intervals["probe_accuracy"][1] == 1
    assert line.metrics["knn_accuracy"] > 0.5
    assert 0 < line.metrics["recall_at_1"] <= line.metrics["recall_at_5"] == 1
    with pytest.raises(ValueError, match=r"dataset\.labels=all"):
        probed("run", network, data(True), reads, "x", 16, torch.device("cpu"), told.append)
