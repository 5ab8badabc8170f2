from __future__ import annotations

import pytest
import torch

from kdrun.loss.ttm import TTM
from kdrun.loss.wttm import WTTM
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("exponent", [0.1, 0.5, 1.0])
def test_value_and_gradient(shape: tuple[int, int], exponent: float) -> None:
    s, t, y = d.two(shape)
    terms = []
    for a, b in zip(s.tolist(), t.tolist(), strict=True):
        powers = [p**exponent for p in d.softmax(b)]
        divergence = d.kl([p / sum(powers) for p in powers], d.softmax(a))
        terms.append(sum(powers) * divergence)
    assert d.value(WTTM(exponent), s, t).item() == pytest.approx(d.mean(terms))
    assert d.gradients_agree(WTTM(exponent), s, t, y)


def test_zero_at_the_tempered_logits_of_the_teacher() -> None:
    t = d.logits(4, 5)
    assert d.value(WTTM(0.25), 0.25 * t + 3, t).abs() < 1e-12


def test_a_certain_teacher_weighs_one_and_an_ignorant_one_most() -> None:
    s = d.logits(1, 4)
    certain = torch.tensor([[1000.0, 0, 0, 0]], dtype=s.dtype)
    ignorant = torch.zeros(1, 4, dtype=s.dtype)
    ratios = [d.value(WTTM(0.5), s, t) / d.value(TTM(0.5), s, t) for t in (certain, ignorant)]
    torch.testing.assert_close(torch.stack(ratios), torch.tensor([1, 4**0.5], dtype=s.dtype))
