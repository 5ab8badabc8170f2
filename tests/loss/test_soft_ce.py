from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.kd import KD
from kdrun.loss.soft_ce import SoftCE
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_value_and_gradient(shape: tuple[int, int], temperature: float) -> None:
    s, t, y = d.two(shape)
    terms = [
        -sum(
            q * math.log(p)
            for q, p in zip(d.softmax(b, temperature), d.softmax(a, temperature), strict=True)
        )
        for a, b in zip(s.tolist(), t.tolist(), strict=True)
    ]
    loss = SoftCE(temperature)
    assert d.value(loss, s, t).item() == pytest.approx(temperature**2 * d.mean(terms))
    plain = SoftCE(temperature, rescale=False)
    assert d.value(plain, s, t).item() == pytest.approx(d.mean(terms))
    assert d.gradients_agree(loss, s, t, y)


@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_gradient_is_that_of_kd(temperature: float) -> None:
    s, t, _ = d.two((5, 4))
    torch.testing.assert_close(
        d.gradient(SoftCE(temperature), s, t), d.gradient(KD(temperature), s, t)
    )


def test_minimum_is_the_teachers_entropy() -> None:
    t = d.logits(5, 4)
    p = (t / 4).softmax(1)
    entropy = -(p * p.log()).sum(1).mean()
    torch.testing.assert_close(d.value(SoftCE(4.0), t, t), 16 * entropy)
    assert d.gradient(SoftCE(4.0), t, t).abs().max() < 1e-12
