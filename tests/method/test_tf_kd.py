from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.tf_kd import TfKD as Published
from kdrun.loss.weight import Weight
from kdrun.method.tf_kd import TfKD
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.types import Batch

BATCH = Batch(torch.randn(5, 4), torch.tensor([0, 1, 2, 0, -1]), torch.arange(5))


def method(**terms: object) -> TfKD:
    torch.manual_seed(0)
    objective = Objective({"ce": CE(), **terms}, dict.fromkeys(["ce", *terms], Weight(1.0)))
    return TfKD(Network(nn.Linear(4, 3)), objective, confidence=0.9)


def test_the_virtual_teacher_is_almost_certain_of_the_label() -> None:
    said = method().virtual(BATCH.target, 3)
    expected = torch.tensor([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]])
    torch.testing.assert_close(said.logits[:3].softmax(1), expected)
    assert said.weight is not None
    assert said.weight.tolist() == [1, 1, 1, 1, 0]


def test_kd_compares_with_it() -> None:
    own = method(kd=KD(temperature=1.0))
    p = own.student(BATCH).logits.double().softmax(1).tolist()
    apart = 0.0
    for row, label in zip(p[:4], BATCH.target.tolist(), strict=False):
        q = [0.9 if k == label else 0.05 for k in range(3)]
        apart += sum(a * math.log(a / b) for a, b in zip(q, row, strict=True))
    assert own(BATCH)["kd"].item() == pytest.approx(apart / 5, rel=1e-4)


def test_the_published_loss_is_as_it_is() -> None:
    own = method(tf_kd=Published())
    outputs = own.student(BATCH)
    expected = Published()(outputs, outputs, BATCH)
    assert own(BATCH)["tf_kd"].item() == pytest.approx(expected.item())


def test_it_needs_no_teacher(kdrun) -> None:
    words = ("method=tf_kd", "student=linear", "train.epochs=1", "train.progress=false")
    for loss in ("tf_kd", "kd"):
        assert kdrun(*words, f"loss={loss}").status == 0
    told = kdrun(*words, "method.confidence=0")
    assert told.status == 2
    assert "(0, 1]" in told.err
    told = kdrun(*words, "student=resnet8", "loss=at")
    assert told.status == 2
    assert "loss.terms.at reads features, and method tf_kd compares logits" in told.err
