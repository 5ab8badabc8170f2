from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdrun.loss.dist import DIST
from tests.loss import decisions as d


def correlation(a: list[float], b: list[float]) -> float:
    a, b = [x - d.mean(a) for x in a], [x - d.mean(b) for x in b]
    product = sum(x * y for x, y in zip(a, b, strict=True))
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
    return product / (norms + 1e-8)


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
@pytest.mark.parametrize(("beta", "gamma"), [(1, 1), (2, 0), (0, 0.5)])
def test_value(shape: tuple[int, int], temperature: float, beta: float, gamma: float) -> None:
    s, t, _ = d.two(shape)
    p = [d.softmax(row, temperature) for row in s.tolist()]
    q = [d.softmax(row, temperature) for row in t.tolist()]
    inter = d.mean([1 - correlation(a, b) for a, b in zip(p, q, strict=True)])
    columns = zip(zip(*p, strict=True), zip(*q, strict=True), strict=True)
    intra = d.mean([1 - correlation(list(a), list(b)) for a, b in columns])
    slow = temperature**2 * (beta * inter + gamma * intra)
    assert d.value(DIST(beta, gamma, temperature), s, t).item() == pytest.approx(slow)


@pytest.mark.parametrize("shape", [(2, 3), (5, 4)])
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_gradient(shape: tuple[int, int], temperature: float) -> None:
    s, t, y = d.two(shape)
    assert d.gradients_agree(DIST(temperature=temperature), s, t, y)


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 0.9))
def test_blind_to_shift_and_scale_of_probabilities(seed: int, scale: float) -> None:
    p, t = d.logits(6, 4, seed).softmax(1), d.logits(6, 4, seed + 1)
    mixed = scale * p + (1 - scale) / 4  # the same probabilities, closer to uniform
    loss = DIST(temperature=1.0)
    torch.testing.assert_close(
        d.value(loss, mixed.log(), t), d.value(loss, p.log(), t), rtol=1e-4, atol=1e-5
    )


def test_one_sample_has_no_columns_to_correlate() -> None:
    s, t, y = d.two((1, 4))
    assert d.value(DIST(beta=0, gamma=1, temperature=2), s, t).item() == pytest.approx(4)
    gradient = d.gradient(DIST(), s, t, y)
    assert gradient.isfinite().all()


def test_of_two_classes_there_is_nothing_to_learn_between_them() -> None:
    s, t, _ = d.two((5, 2))
    s.requires_grad_()
    d.value(DIST(gamma=0), s, t).backward()
    assert s.grad is not None
    assert s.grad.abs().max() < 1e-6
    with pytest.raises(ValueError, match="beta=0"):
        DIST().check(2)
    DIST().check(3)
    DIST(beta=0).check(2)
