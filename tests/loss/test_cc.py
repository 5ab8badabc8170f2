from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from kdrun.loss.cc import CC
from kdrun.types import Batch, Outputs


def out(x: Tensor) -> Outputs:
    return Outputs(logits=torch.zeros(len(x), 3), embedding=x)


def batch(n: int) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def built(s: Tensor, t: Tensor, width: int = 128) -> CC:
    loss = CC(width=width)
    loss.build(out(s), out(t), torch.zeros(len(s), dtype=torch.long))
    return loss.to(s.dtype)


def affine(layer: torch.nn.Linear, x: list[float]) -> list[float]:
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in rows]


@pytest.mark.parametrize(("n", "d_s", "d_t", "width"), [(2, 3, 5, 4), (7, 4, 4, 128)])
def test_value_of_the_code(n: int, d_s: int, d_t: int, width: int) -> None:
    s, t = torch.randn(n, d_s, dtype=torch.double), torch.randn(n, d_t, dtype=torch.double)
    loss = built(s, t, width)
    expected = 0.0
    for i in range(n - 1):
        for d in range(width):
            this, following = (
                affine(loss.student, s[k].tolist())[d] - affine(loss.teacher, t[k].tolist())[d]
                for k in (i, i + 1)
            )
            expected += abs(this) * abs(following)
    assert loss(out(s), out(t), batch(n)).item() == pytest.approx(expected / (n - 1), rel=1e-10)


def kernel(a: list[float], b: list[float], gamma: float, order: int) -> float:
    dot = sum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
    terms = ((2 * gamma * dot) ** p / math.factorial(p) for p in range(order + 1))
    return math.exp(-2 * gamma) * sum(terms)


@pytest.mark.parametrize(("gamma", "order"), [(0.4, 2), (1.0, 1), (0.1, 0)])
def test_value_of_the_kernel(gamma: float, order: int) -> None:
    s, t = torch.randn(5, 3, dtype=torch.double), torch.randn(5, 4, dtype=torch.double)
    a, b = s.tolist(), t.tolist()
    expected = 0.0
    for i in range(5):
        for j in range(5):
            difference = kernel(a[i], a[j], gamma, order) - kernel(b[i], b[j], gamma, order)
            expected += difference**2 / 25
    loss = CC(form="kernel", gamma=gamma, order=order)
    assert loss(out(s), out(t), batch(5)).item() == pytest.approx(expected, rel=1e-10)
    assert not list(loss.parameters())


def test_the_series_is_the_gaussian_kernel() -> None:
    x = torch.randn(4, 3, dtype=torch.double)
    unit = x / x.norm(dim=1, keepdim=True)
    gaussian = torch.exp(-0.4 * torch.cdist(unit, unit) ** 2)
    torch.testing.assert_close(CC(form="kernel", order=20)._kernel(x), gaussian)


@pytest.mark.parametrize("form", ["code", "kernel"])
def test_gradient(form: Literal["code", "kernel"]) -> None:
    s = torch.randn(3, 2, dtype=torch.double, requires_grad=True)
    t = torch.randn(3, 4, dtype=torch.double)
    loss = CC(form=form, width=3)
    loss.build(out(s), out(t), torch.zeros(3, dtype=torch.long))
    loss.double()
    assert torch.autograd.gradcheck(lambda x: loss(out(x), out(t), batch(3)), s)


def test_one_sample_has_no_neighbour() -> None:
    s, t = torch.randn(1, 3), torch.randn(1, 4)
    assert built(s, t)(out(s), out(t), batch(1)) == 0


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="code or kernel"):
        CC(form="paper")  # type: ignore[arg-type]
