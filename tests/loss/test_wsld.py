from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.wsld import WSLD
from kdrun.types import Batch, Outputs


def batch(target: list[int]) -> Batch:
    n = len(target)
    return Batch(torch.zeros(n, 1), torch.tensor(target), torch.arange(n))


def softmax(x: list[float], temperature: float = 1.0) -> list[float]:
    e = [math.exp(v / temperature) for v in x]
    return [v / sum(e) for v in e]


def slow(s: Tensor, t: Tensor, target: list[int], temperature: float) -> float:
    terms = []
    for a, b, y in zip(s.tolist(), t.tolist(), target, strict=True):
        if y < 0:
            continue
        weight = 1 - math.exp(math.log(softmax(a)[y]) / -math.log(softmax(b)[y]))
        q, p = softmax(b, temperature), softmax(a, temperature)
        divergence = sum(v * math.log(v / w) for v, w in zip(q, p, strict=True))
        terms.append(temperature**2 * weight * divergence)
    return sum(terms) / len(terms)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("target", [[0, 2, 1], [3, -1, 0]])
def test_value(temperature: float, target: list[int]) -> None:
    s, t = torch.randn(3, 4, dtype=torch.double), 3 * torch.randn(3, 4, dtype=torch.double)
    found = WSLD(temperature)(Outputs(s), Outputs(t), batch(target))
    assert found.item() == pytest.approx(slow(s, t, target, temperature), rel=1e-6)


def test_a_teacher_that_is_certain_gives_the_whole_weight() -> None:
    t = torch.tensor([[60.0, 0.0]])
    s = torch.tensor([[0.0, 0.0]], requires_grad=True)
    loss = WSLD(temperature=1.0)(Outputs(s), Outputs(t), batch([0]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_the_gradient_is_that_of_the_weighted_cross_entropy() -> None:
    s = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    t = torch.randn(3, 4, dtype=torch.double)
    target = [0, 3, 1]
    (found,) = torch.autograd.grad(WSLD(2.0)(Outputs(s), Outputs(t), batch(target)), s)
    for n, y in enumerate(target):
        a, b = s[n].tolist(), t[n].tolist()
        weight = 1 - math.exp(math.log(softmax(a)[y]) / -math.log(softmax(b)[y]))
        p, q = softmax(a, 2.0), softmax(b, 2.0)
        expected = [2.0 * weight * (v - w) / 3 for v, w in zip(p, q, strict=True)]
        assert found[n].tolist() == pytest.approx(expected, rel=1e-5)
