"""Several teachers as one: the rules of α against slow formulas, and classes that one lacks."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kdrun.dataset.loader import make_loader
from kdrun.teacher.classes import UNKNOWN, ByName
from kdrun.teacher.ensemble import agreement, combine, confidence, ensemble, learn
from kdrun.teacher.network import Frozen
from kdrun.types import Arrays, Batch, Dataset, Outputs


class Says(nn.Module):
    """Answers with the rows of a table by index."""

    def __init__(self, logits: Tensor, **more: object) -> None:
        super().__init__()
        self.logits, self.more = logits, more

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.logits[batch.index], **self.more)


def logits(*shape: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def data(samples: int = 60) -> Dataset:
    split = Arrays(torch.zeros(samples, 1), torch.arange(samples) % 3)
    return Dataset(split, split, split, ["a", "b", "c"], (1,))


def make(said: Tensor, **options: object):
    val = make_loader(data().train, 16, seed=0, train=False)
    members = {name: Frozen(Says(own)) for name, own in zip("xyz", said, strict=False)}
    facts = {"data": data(), "val_loader": val, "device": torch.device("cpu")}
    return ensemble(members, **{**facts, **options})


def ask(teacher: nn.Module, samples: int = 60) -> Outputs:
    index = torch.arange(samples)
    return teacher(Batch(torch.zeros(samples, 1), torch.zeros(samples), index))


def test_fixed_weights_are_a_weighted_mean() -> None:
    said = logits(3, 60, 3)
    shares = {"x": 0.5, "y": 0.2, "z": 0.3}
    alpha = torch.tensor([0.5, 0.2, 0.3])[:, None, None]
    got = ask(make(said, weights=shares, average="logits")).logits
    torch.testing.assert_close(got, (alpha * said).sum(0))
    got = ask(make(said, weights=shares)).logits
    torch.testing.assert_close(got.exp(), (alpha * said.softmax(2)).sum(0))


@pytest.mark.parametrize("average", ["probabilities", "logits"])
@pytest.mark.parametrize("weights", ["uniform", "learned", "confidence", "agreement"])
def test_members_that_say_the_same_are_one(weights: str, average: str) -> None:
    said = logits(1, 60, 3).repeat(3, 1, 1)
    got = ask(make(said, weights=weights, average=average)).logits
    torch.testing.assert_close(got.softmax(1), said[0].softmax(1))


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4))
def test_the_rules_of_each_sample_are_their_formulas(seed: int, count: int) -> None:
    shares = logits(count, 5, 4, seed=seed).softmax(2)
    for n in range(5):
        p = shares[:, n].double().tolist()
        certain = [math.exp(sum(q * math.log(q) for q in row)) for row in p]
        overlap = [
            sum(sum(a * b for a, b in zip(row, other, strict=True)) for other in p if other != row)
            for row in p
        ]
        for rule, expected in ((confidence, certain), (agreement, overlap)):
            got = rule(shares)[n].tolist()
            assert got == pytest.approx([e / sum(expected) for e in expected], abs=1e-4)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_learned_weights_are_the_best_of_a_fine_grid(average: str) -> None:
    targets = torch.arange(60) % 3
    good = logits(60, 3, seed=1)
    good[torch.arange(60), targets] += 3
    said = torch.stack([good, logits(60, 3, seed=2) + 0.5 * good, logits(60, 3, seed=3)])

    def cost(shares: list[float]) -> float:
        mean = combine(said, torch.tensor(shares).expand(60, 3), average)
        return nn.functional.cross_entropy(mean, targets).item()

    found = learn(said, targets, average).tolist()
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0
    steps = np.linspace(0, 1, 41)
    grid = [[a, b, 1 - a - b] for a in steps for b in steps if a + b <= 1]
    assert cost(found) <= min(map(cost, grid)) + 1e-5


def test_a_class_is_averaged_over_those_who_know_it() -> None:
    one, other = logits(4, 2, seed=1), logits(4, 2, seed=2)
    names = ["a", "b", "c"]
    members = {
        "x": Frozen(ByName(Says(one), ["b", "a"], names)),
        "y": Frozen(ByName(Says(other), ["b", "c"], names)),
    }
    val = make_loader(data().train, 16, seed=0, train=False)
    teacher = ensemble(members, data(), val, torch.device("cpu"), weights={"x": 0.25, "y": 0.75})
    got = ask(teacher, 4).logits.softmax(1)
    p, q = one.softmax(1), other.softmax(1)
    merged = torch.stack([p[:, 1], 0.25 * p[:, 0] + 0.75 * q[:, 0], q[:, 1]], dim=1)
    torch.testing.assert_close(got, merged / merged.sum(1, keepdim=True))
    assert not ask(members["x"], 4).logits[:, 2].isfinite().any()


def test_a_class_that_nobody_knows_is_unknown() -> None:
    said = logits(2, 4, 3)
    said[:, :, 1] = UNKNOWN
    for average in ("probabilities", "logits"):
        mean = combine(said, torch.full((4, 2), 0.5), average)
        assert (mean[:, 1] == UNKNOWN).all()
        assert mean[:, [0, 2]].isfinite().all()


def test_values_of_a_regression_are_averaged_as_they_are() -> None:
    mean = combine(logits(2, 4, 1), torch.full((4, 2), 0.5), "probabilities")
    torch.testing.assert_close(mean, logits(2, 4, 1).mean(0))


def test_who_has_no_answer_does_not_count() -> None:
    said = logits(2, 60, 3)
    silent = torch.tensor([0.0, 1.0]).repeat(30)
    members = {
        "x": Frozen(Says(said[0])),
        "y": Frozen(Says(said[1], weight=silent)),
    }
    val = make_loader(data().train, 16, seed=0, train=False)
    outputs = ask(ensemble(members, data(), val, torch.device("cpu")))
    torch.testing.assert_close(outputs.logits[0].softmax(0), said[0, 0].softmax(0))
    assert outputs.weight is not None
    assert outputs.weight.tolist() == pytest.approx([0.5, 1.0] * 30)
    assert [m.weight[0].item() for m in outputs.members] == [1.0, 0.0]


def test_the_weights_are_told() -> None:
    teacher = make(logits(3, 60, 3), weights={"x": 0.5, "y": 0.2, "z": 0.3})
    ask(teacher)
    assert teacher.facts() == pytest.approx({"alpha_x": 0.5, "alpha_y": 0.2, "alpha_z": 0.3})


TWO = (
    *("teacher=ensemble", "+teacher@teacher.members.a=linear", "+teacher@teacher.members.b=mlp"),
    *("teacher.members.b.seed=1", "student=resnet8", "train.epochs=1", "train.progress=false"),
)


def test_networks_and_tables_teach_together(kdrun) -> None:
    assert kdrun(*TWO, "dataset.augment=null", "teacher.weights=learned").status == 0
    (path,) = Path("outputs/default").glob("distill_*/record.json")
    metrics = json.loads(path.read_text())["metrics"]
    assert metrics["alpha_a"] + metrics["alpha_b"] == pytest.approx(1)
    assert metrics["teacher_params"] > 650
    assert metrics["teacher_latency_ms"] > 0
    (run,) = Path("outputs/cache/teacher").glob("supervised_mlp*")
    assert kdrun("predict", str(run), "--record", "mlp.csv").status == 0
    told = kdrun(
        *TWO[:2], "+teacher@teacher.members.b=recorded", "teacher.members.b.path=mlp.csv",
        *TWO[4:], "dataset.augment=null", "teacher.weights=learned", "name=mixed",
    )  # fmt: skip
    assert told.status == 0, told.err
    (path,) = Path("outputs/mixed").glob("distill_*/record.json")
    mixed = json.loads(path.read_text())["metrics"]
    assert mixed["teacher_accuracy"] == metrics["teacher_accuracy"]
    assert mixed["alpha_b"] == pytest.approx(metrics["alpha_b"], abs=1e-6)


def test_stages_of_the_members_that_have_them_are_compared(kdrun) -> None:
    words = ("loss=fitnets", "+teacher@teacher.members.c=resnet14", *TWO)
    assert kdrun(*words).status == 0
    told = kdrun(*TWO[:2], "+teacher@teacher.members.b=linear", *TWO[3:], "loss=at", "name=none")
    assert told.status == 2
    assert "stages" in told.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("teacher.weights={a:-0.5,b:1.5}",), "weights must not be negative, and a has -0.5"),
        (("teacher.weights={a:0.5,b:0.6}",), "weights must sum to one, not 1.1"),
        (("teacher.weights={a:0.5,c:0.5}",), "weights are of a, c; members are a, b"),
        (("teacher.weights=learnt",), "teacher.weights='learnt'"),
        (("teacher.weights=learned", "dataset.val_fraction=0"), "val_fraction above 0"),
        (("+teacher@teacher.members.c=linear",), "a and c are alike"),
        (("teacher.members.b.model.hiden=[3]",), "teacher.members.b.model.hiden"),
    ],
)
def test_a_mistake_is_told_before_anything_is_trained(kdrun, words, hint) -> None:
    told = kdrun(*TWO, *words)
    assert told.status == 2
    assert hint in told.err
    assert "Traceback" not in told.err
    if "val_fraction" not in hint:
        assert not Path("outputs/cache").exists()


def test_one_member_is_no_ensemble(kdrun) -> None:
    told = kdrun("teacher=ensemble", "student=linear")
    assert told.status == 2
    assert "give two or more" in told.err
