from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdrun.loss.kd import KD
from tests.loss import decisions as d


def slow(s: torch.Tensor, t: torch.Tensor, temperature: float) -> float:
    return temperature**2 * d.mean(
        [
            d.kl(d.softmax(b, temperature), d.softmax(a, temperature))
            for a, b in zip(s.tolist(), t.tolist(), strict=True)
        ]
    )


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_value_and_gradient(shape: tuple[int, int], temperature: float) -> None:
    s, t, y = d.two(shape)
    loss = KD(temperature)
    assert d.value(loss, s, t).item() == pytest.approx(slow(s, t, temperature))
    assert d.gradients_agree(loss, s, t, y)


@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_gradient_is_the_gap_of_softened_probabilities(temperature: float) -> None:
    s, t, _ = d.two((5, 4))
    gap = (s / temperature).softmax(1) - (t / temperature).softmax(1)
    torch.testing.assert_close(d.gradient(KD(temperature), s, t), temperature / len(s) * gap)


def test_hot_limit_is_the_squared_distance_of_centred_logits() -> None:
    s, t, _ = d.two((5, 4))
    gap = (s - s.mean(1, keepdim=True)) - (t - t.mean(1, keepdim=True))
    limit = gap.square().sum(1).mean() / (2 * s.shape[1])
    torch.testing.assert_close(d.value(KD(1e4), s, t), limit, rtol=1e-3, atol=0)


@given(seed=st.integers(0, 10_000), temperature=st.floats(0.5, 20))
def test_never_negative_and_zero_only_for_equal_distributions(
    seed: int, temperature: float
) -> None:
    s, t = d.logits(3, 5, seed), d.logits(3, 5, seed + 1)
    loss = KD(temperature)
    assert d.value(loss, s, t) > 0
    assert d.value(loss, s + 7, s).abs() < 1e-12
