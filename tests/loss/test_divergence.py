from __future__ import annotations

import math

import pytest
import torch

from kdrun.loss.divergence import fraction, kl, mixture
from tests.loss import decisions as d


def test_kl_is_the_sum_over_classes() -> None:
    p, q = (d.logits(4, 5, seed).softmax(1) for seed in (1, 2))
    slow = [d.kl(a, b) for a, b in zip(p.tolist(), q.tolist(), strict=True)]
    assert kl(p.log(), q.log()).tolist() == pytest.approx(slow)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_mixture_of_logarithms_is_the_mixture(share: float) -> None:
    p, q = (d.logits(4, 5, seed).softmax(1) for seed in (1, 2))
    torch.testing.assert_close(mixture(p.log(), q.log(), share).exp(), share * p + (1 - share) * q)


def test_what_underflows_stays_finite() -> None:
    far = torch.tensor([[0.0, -2000.0]], dtype=torch.float64)
    assert mixture(far, far.flip(1), 0.1).tolist()[0] == pytest.approx(
        [math.log(0.1), math.log(0.9)]
    )


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_fraction_lies_between_0_and_1(value: float) -> None:
    with pytest.raises(ValueError, match=r"alpha=.* between 0 and 1"):
        fraction(alpha=value)
