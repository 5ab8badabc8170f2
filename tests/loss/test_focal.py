"""Focal loss against its formula, summed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.ce import CE
from kdrun.loss.focal import Focal
from kdrun.types import Batch, Outputs

LOGITS = 2 * torch.randn(5, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))


def value(loss: CE, targets: torch.Tensor, logits: torch.Tensor = LOGITS) -> torch.Tensor:
    loss.build(Outputs(logits), Outputs(logits), targets)
    batch = Batch(torch.zeros(5, 1), targets, torch.arange(5))
    return loss(Outputs(logits), Outputs(logits), batch)


def by_hand(targets: list[int], gamma: float, alpha: list[float]) -> float:
    told = []
    for row, target in zip(LOGITS.tolist(), targets, strict=True):
        if target >= 0:
            p = math.exp(row[target]) / sum(math.exp(x) for x in row)
            told.append(-alpha[target] * (1 - p) ** gamma * math.log(p))
    return sum(told) / max(len(told), 1)


@pytest.mark.parametrize("alpha", [[1.0, 1.0, 1.0], [0.25, 2.0, 7.0]])
@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("targets", [[0, 1, 2, 0, 1], [0, -1, 2, -1, 1], [-1] * 5])
def test_value_over_the_labelled_samples(targets, gamma, alpha):
    found = value(Focal(gamma, class_weights=alpha), torch.tensor(targets))
    assert found.item() == pytest.approx(by_hand(targets, gamma, alpha), rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rule", ["none", "balanced"])
def test_without_gamma_it_is_the_cross_entropy(smoothing, rule):
    targets = torch.tensor([0, -1, 2, 0, 1])
    focal, ce = Focal(0.0, smoothing, rule), CE(smoothing, rule)
    assert value(focal, targets).item() == pytest.approx(value(ce, targets).item(), rel=1e-6)


def test_probabilities_of_mixup_are_a_mean_over_their_classes():
    targets = torch.tensor([0, 1, 2, 0, 1])
    soft = torch.nn.functional.one_hot(targets, 3).double()
    assert value(Focal(), soft).item() == pytest.approx(value(Focal(), targets).item())


def test_gradient():
    targets = torch.tensor([0, -1, 2, 0, 1])
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: value(Focal(2.0, 0.1), targets, x), logits)


def test_a_sure_answer_has_a_finite_gradient():
    logits = torch.tensor([[100.0, 0.0, 0.0]] * 5, requires_grad=True)
    value(Focal(0.5), torch.zeros(5, dtype=torch.long), logits).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_settings_that_cannot_be_are_told():
    with pytest.raises(ValueError, match="gamma=-1"):
        Focal(-1.0)
    with pytest.raises(ValueError, match="focal is for classes"):
        Focal().check(0)
