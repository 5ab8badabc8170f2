from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.cross_domain import CrossDomain
from kdrun.objective import Objective
from kdrun.types import Batch, Outputs

SURE, UNSURE = torch.tensor([9.0, 0.0, 0.0]), torch.tensor([0.2, 0.0, 0.0])
BATCH = Batch(torch.randn(4, 5), torch.full((4,), -1), torch.arange(4))


class Answers(nn.Module):
    def __init__(self, logits: Tensor, weight: Tensor | None = None) -> None:
        super().__init__()
        self.logits, self.weight = logits, weight

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.logits[batch.index], weight=self.weight)


class Student(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.layer(batch.input))


def method(confidence: float | None, weight: Tensor | None = None) -> CrossDomain:
    teacher = Answers(torch.stack([SURE, UNSURE, SURE, UNSURE]), weight)
    objective = Objective({"kd": KD()}, {"kd": Weight(1.0)})
    return CrossDomain(Student(), teacher, objective, confidence=confidence)


def test_only_confident_answers_are_learnt_from():
    gated = method(0.9)
    loss = gated(BATCH)["kd"]
    (grad,) = torch.autograd.grad(loss, gated.student.layer.weight)
    sure = torch.tensor([0, 2])
    part = Batch(BATCH.input[sure], BATCH.target[sure], BATCH.index[sure])
    expected = KD()(gated.student(part), gated.teacher(part), part) * 2 / 4
    assert torch.allclose(loss, expected)
    assert torch.allclose(grad, torch.autograd.grad(expected, gated.student.layer.weight)[0])


def test_a_teachers_own_weights_still_count():
    weight = torch.tensor([0.0, 1.0, 1.0, 1.0])
    assert method(0.9, weight).answers(BATCH).weight.tolist() == [0, 0, 1, 0]
    assert method(None, weight).answers(BATCH).weight is weight


def test_without_a_gate_it_is_distillation():
    open_, zero = method(None), method(0.0)
    zero.load_state_dict(open_.state_dict())
    assert torch.allclose(open_(BATCH)["kd"], zero(BATCH)["kd"])


def test_the_sources_labels_count_as_the_objectives_do_and_none_of_them_is_no_nan():
    """`loss.weights.ce` and the label smoothing hold for the source too."""
    terms, weights = {"ce": CE(label_smoothing=0.2)}, {"ce": Weight(0.5)}
    across = CrossDomain(Student(), method(None).teacher, Objective(terms, weights))
    source = Batch(torch.randn(4, 5), torch.tensor([0, -1, 2, 1]), torch.arange(4))
    losses = across(BATCH._replace(source=source))
    logits = across.student(source).logits
    expected = 0.5 * F.cross_entropy(
        logits[[0, 2, 3]], source.target[[0, 2, 3]], label_smoothing=0.2
    )
    assert torch.allclose(losses["source"], expected)
    unlabelled = source._replace(target=torch.full((4,), -1))
    assert across(BATCH._replace(source=unlabelled))["source"].item() == 0


@pytest.mark.parametrize("confidence", [-0.1, 1.0])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(ValueError, match=r"method\.confidence"):
        method(confidence)
