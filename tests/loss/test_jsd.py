from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.jsd import JSD
from kdrun.loss.kd import KD
from kdrun.loss.reverse_kl import ReverseKL
from tests.loss import decisions as d


def slow(s: torch.Tensor, t: torch.Tensor, beta: float, temperature: float) -> float:
    values = []
    for a, b in zip(s.tolist(), t.tolist(), strict=True):
        q, p = d.softmax(a, temperature), d.softmax(b, temperature)
        m = [beta * x + (1 - beta) * y for x, y in zip(p, q, strict=True)]
        values.append(beta * d.kl(p, m) + (1 - beta) * d.kl(q, m))
    return temperature**2 * d.mean(values)


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_value_and_gradient(shape: tuple[int, int], temperature: float, beta: float) -> None:
    s, t, y = d.two(shape)
    loss = JSD(beta, temperature)
    assert d.value(loss, s, t).item() == pytest.approx(slow(s, t, beta, temperature))
    assert d.gradients_agree(loss, s, t, y)


def test_its_ends_are_the_two_divergences() -> None:
    s, t, _ = d.two((5, 4))
    for end, near, other in ((0.0, 1e-6, KD(1.0)), (1.0, 1 - 1e-6, ReverseKL(1.0))):
        torch.testing.assert_close(d.value(JSD(end), s, t), d.value(other, s, t))
        share = min(near, 1 - near)
        limit = d.value(JSD(near), s, t) / share
        torch.testing.assert_close(limit, d.value(other, s, t), rtol=1e-4, atol=0)


def test_the_middle_is_symmetric_and_bounded() -> None:
    s, t, _ = d.two((5, 4))
    torch.testing.assert_close(d.value(JSD(0.5), s, t), d.value(JSD(0.5), t, s))
    far = 1000 * torch.eye(2, dtype=torch.float64)
    assert d.value(JSD(0.5), far, far.flip(1)).item() == pytest.approx(math.log(2))
