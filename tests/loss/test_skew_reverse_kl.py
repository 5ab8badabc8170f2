from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.reverse_kl import ReverseKL
from kdrun.loss.skew_reverse_kl import SkewReverseKL
from tests.loss import decisions as d


def slow(s: torch.Tensor, t: torch.Tensor, alpha: float, temperature: float) -> float:
    values = []
    for a, b in zip(s.tolist(), t.tolist(), strict=True):
        q, p = d.softmax(a, temperature), d.softmax(b, temperature)
        m = [alpha * x + (1 - alpha) * y for x, y in zip(q, p, strict=True)]
        values.append(d.kl(q, m))
    return temperature**2 * d.mean(values)


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
def test_value_and_gradient(shape: tuple[int, int], temperature: float, alpha: float) -> None:
    s, t, y = d.two(shape)
    loss = SkewReverseKL(alpha, temperature)
    assert d.value(loss, s, t).item() == pytest.approx(slow(s, t, alpha, temperature))
    assert d.gradients_agree(loss, s, t, y)


def test_without_a_share_it_is_reverse_kl() -> None:
    s, t, _ = d.two((5, 4))
    torch.testing.assert_close(
        d.value(SkewReverseKL(0.0, 2.0), s, t), d.value(ReverseKL(2.0), s, t)
    )


def test_it_is_bounded_where_the_other_is_not() -> None:
    far = 1000 * torch.eye(2, dtype=torch.float64)
    assert d.value(SkewReverseKL(0.1), far, far.flip(1)).item() == pytest.approx(-math.log(0.1))
