from __future__ import annotations

import pytest
import torch

from kdrun.loss.ttm import TTM
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("exponent", [0.1, 0.5, 1.0])
def test_value_and_gradient(shape: tuple[int, int], exponent: float) -> None:
    s, t, y = d.two(shape)
    terms = []
    for a, b in zip(s.tolist(), t.tolist(), strict=True):
        powers = [p**exponent for p in d.softmax(b)]
        terms.append(d.kl([p / sum(powers) for p in powers], d.softmax(a)))
    assert d.value(TTM(exponent), s, t).item() == pytest.approx(d.mean(terms))
    assert d.gradients_agree(TTM(exponent), s, t, y)


def test_zero_at_the_tempered_logits_of_the_teacher() -> None:
    t = d.logits(4, 5)
    assert d.value(TTM(0.25), 0.25 * t + 3, t).abs() < 1e-12
    assert d.gradient(TTM(0.25), 0.25 * t, t).abs().max() < 1e-12
    assert d.value(TTM(0.25), t, t) > 0.01


def test_equals_kd_without_temperature() -> None:
    s, t, _ = d.two((4, 5))
    torch.testing.assert_close(
        d.value(TTM(1.0), s, t),
        (t.softmax(1) * (t.log_softmax(1) - s.log_softmax(1))).sum(1).mean(),
    )
