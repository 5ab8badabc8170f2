"""Cross-entropy with labels, part of them hidden."""

from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.ce import CE
from kdrun.types import Batch, Outputs

LOGITS = torch.randn(5, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))


def loss(
    targets: torch.Tensor, smoothing: float = 0.0, logits: torch.Tensor = LOGITS
) -> torch.Tensor:
    batch = Batch(torch.zeros(5, 1), targets, torch.arange(5))
    return CE(smoothing)(Outputs(logits), Outputs(logits), batch)


def by_hand(targets: list[int], smoothing: float) -> float:
    told = []
    for row, target in zip(LOGITS.tolist(), targets, strict=True):
        if target >= 0:
            total = sum(math.exp(x) for x in row)
            q = [smoothing / 3 + (1 - smoothing) * (k == target) for k in range(3)]
            told.append(
                -sum(w * math.log(math.exp(x) / total) for w, x in zip(q, row, strict=True))
            )
    return sum(told) / max(len(told), 1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("targets", [[0, 1, 2, 0, 1], [0, -1, 2, -1, 1], [-1] * 5])
def test_value_over_the_labelled_samples(targets, smoothing):
    found = loss(torch.tensor(targets), smoothing)
    assert found.item() == pytest.approx(by_hand(targets, smoothing))


def test_no_label_gives_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    loss(torch.full((5,), -1), logits=logits).backward()
    assert logits.grad.eq(0).all()


def test_one_hot_probabilities_are_labels():
    targets = torch.tensor([0, 1, 2, 0, 1])
    soft = torch.nn.functional.one_hot(targets, 3).double()
    assert loss(soft).item() == pytest.approx(loss(targets).item())


def test_gradient():
    logits = LOGITS.clone().requires_grad_()
    targets = torch.tensor([0, -1, 2, 0, 1])
    assert torch.autograd.gradcheck(lambda x: loss(targets, 0.1, x), logits)
