from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from kdrun.loss.ce import CE
from kdrun.loss.mse import MSE
from kdrun.loss.weight import Weight
from kdrun.method.ema import MeanTeacher
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.types import Batch

BATCH = Batch(torch.randn(6, 4), torch.tensor([0, 1, 2, 0, -1, -1]), torch.arange(6))


def make(decay: float = 0.9) -> MeanTeacher:
    torch.manual_seed(0)
    weights = {"ce": Weight(1.0), "mse": Weight(1.0)}
    objective = Objective({"ce": CE(), "mse": MSE("probabilities")}, weights)
    return MeanTeacher(Network(nn.Sequential(nn.Linear(4, 3))), objective, decay)


def test_the_mean_follows_its_formula() -> None:
    method = make(0.7)
    optimizer = torch.optim.SGD(method.student.parameters(), lr=0.5)
    expected = method.student.net[0].weight.detach().clone()
    for t in range(1, 8):
        sum(method(BATCH).values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        method.after_step()
        alpha = min(1 - 1 / (t + 1), 0.7)
        expected = alpha * expected + (1 - alpha) * method.student.net[0].weight.detach()
        torch.testing.assert_close(method.mean.net[0].weight, expected)
    assert not any(p.requires_grad for p in method.mean.parameters())


def test_it_begins_as_its_student_and_unlabelled_samples_count() -> None:
    method = make()
    assert method(BATCH)["mse"].item() == 0.0
    method.mean.net[0].weight.data *= 2
    both, labelled = method(BATCH), method(Batch(*(field[:4] for field in BATCH[:3])))
    assert both["ce"].item() == pytest.approx(labelled["ce"].item())
    assert both["mse"].item() != pytest.approx(labelled["mse"].item())


def test_state_holds_the_mean() -> None:
    method = make()
    method.after_step()
    assert {"mean.net.0.weight", "steps"} <= set(method.state_dict())


def test_results_tell_both(kdrun) -> None:
    words = ("method=ema", "student=mlp", "loss=mse", "train.progress=false", "train.epochs=2")
    told = kdrun(*words, "+loss.weights.ce=1", "loss.terms.mse.space=probabilities")
    assert told.status == 0, told.err
    (path,) = Path("outputs/default").glob("ema_mlp_*/record.json")
    metrics = json.loads(path.read_text())["metrics"]
    assert metrics["teacher_accuracy"] > 0.2
    assert metrics["agreement"] > 0.5
    mean, student = (path.with_name(f"{who}.safetensors") for who in ("mean", "student"))
    assert mean.read_bytes() != student.read_bytes()
    said = ("teacher=mlp", f"teacher.checkpoint={mean}", "student=linear", "name=again")
    assert kdrun(*said, "train.epochs=1", "train.progress=false").status == 0
    (again,) = Path("outputs/again").glob("*/record.json")
    accuracy = json.loads(again.read_text())["metrics"]["teacher_accuracy"]
    assert accuracy == metrics["teacher_accuracy"]
    for more, hint in (("method.decay=1", "[0, 1)"), ("loss=fitnets", "method ema")):
        told = kdrun(*words, more)
        assert told.status == 2
        assert hint in told.err
