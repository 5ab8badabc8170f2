from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from kdrun.files.checkpoint import read_header
from kdrun.loss.ce import CE
from kdrun.loss.fitnets import FitNets
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.mutual import Mutual
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.types import Batch

BATCH = Batch(torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]), torch.arange(6))


def net(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network(nn.Linear(4, 3))


def mutual(count: int) -> Mutual:
    weights = {"ce": Weight(1.0), "kd": Weight(1.0)}
    objective = Objective({"ce": CE(), "kd": KD(temperature=1.0)}, weights)
    return Mutual(net(0), {f"p{i}": net(i) for i in range(1, count)}, objective)


@pytest.mark.parametrize("count", [2, 3])
def test_the_losses_are_those_of_the_paper(count: int) -> None:
    method = mutual(count)
    networks = [method.student, *method.peers.values()]
    p = [network(BATCH).logits.double().softmax(1).tolist() for network in networks]
    losses = {name: value.item() for name, value in method(BATCH).items()}
    for i, name in enumerate(["", *(f"p{i}_" for i in range(1, count))]):
        right = [-math.log(row[int(y)]) for row, y in zip(p[i], BATCH.target, strict=True)]
        apart = 0.0
        for j in range(count):
            for own, other in zip(p[i], p[j], strict=True):
                apart += sum(b * math.log(b / a) for a, b in zip(own, other, strict=True))
        assert losses[f"{name}ce"] == pytest.approx(sum(right) / 6, rel=1e-5)
        assert losses[f"{name}kd"] == pytest.approx(apart / 6 / (count - 1), rel=1e-4)


def test_no_gradient_goes_to_whom_one_learns_from() -> None:
    method = mutual(2)
    method(BATCH)["kd"].backward()
    assert all(p.grad is not None for p in method.student.parameters())
    assert all(p.grad is None for p in method.peers.parameters())


def test_stages_are_not_compared() -> None:
    objective = Objective({"fitnets": FitNets(0)}, {"fitnets": Weight(1.0)})
    with pytest.raises(ValueError, match=r"loss\.terms\.fitnets reads features, and method mutual"):
        Mutual(net(0), {"a": net(1)}, objective)


def test_each_network_is_a_row(kdrun) -> None:
    words = ("method=mutual", "student=linear", "train.epochs=1", "train.progress=false")
    assert kdrun(*words, "+student@method.peers.big=mlp").status == 0
    records = [json.loads(p.read_text()) for p in Path("outputs/default").glob("*/record.json")]
    rows = {record["run"]["student"]: record for record in records}
    assert set(rows) == {"linear", "mlp"}
    assert rows["linear"]["metrics"]["student_params"] == 650
    assert rows["mlp"]["metrics"]["student_params"] > 650
    assert rows["mlp"]["metrics"]["test_accuracy"] > 0.2
    assert 0 < rows["mlp"]["metrics"]["val_accuracy"] != rows["linear"]["metrics"]["val_accuracy"]
    assert len(Path("outputs/default/results.csv").read_text().splitlines()) == 3
    (weights,) = Path("outputs/default").glob("*_big/student.safetensors")
    assert read_header(weights)["name"] == "mlp"
    assert kdrun(*words, "loss=fitnets").status == 2


def test_peers_do_not_disturb_what_reads_the_folder(kdrun) -> None:
    words = ("method=mutual", "student=linear", "train.epochs=1", "train.progress=false")
    assert kdrun("-m", *words, "seed=0,1").status == 0
    told = kdrun("compare", "outputs/default", "--by", "student")
    assert told.status == 0, told.err
    assert "4 runs in 2 groups" in told.out
    assert "linear_twin" in told.out
    table = Path("outputs/default/results.csv")
    before = table.read_text()
    assert kdrun("collect", "outputs/default").status == 0
    assert table.read_text() == before
    told = kdrun("resume", "outputs/default")
    assert told.status == 0
    assert "2 of 2 runs ok, 2 of them before" in told.out


@pytest.mark.parametrize("method", ["mutual", "ema", "tf_kd"])
def test_who_is_fitted_at_once_has_no_steps_to_learn_in(kdrun, method: str) -> None:
    told = kdrun(f"method={method}", "student=sklearn_tree")
    assert told.status == 2
    assert f"method {method} trains by steps, and SklearnTree is fitted at once" in told.err


def test_without_peers_there_is_a_twin_that_begins_elsewhere(kdrun) -> None:
    words = ("method=mutual", "student=linear", "train.epochs=1", "train.progress=false")
    assert kdrun(*words).status == 0
    one, other = sorted(Path("outputs/default").glob("*/student.safetensors"))
    assert other.parent.name == f"{one.parent.name}_twin"
    assert one.read_bytes() != other.read_bytes()
