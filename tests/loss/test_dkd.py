from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kdrun.loss.dkd import DKD
from kdrun.loss.kd import KD
from tests.loss import decisions as d


def parts(s: list[float], t: list[float], y: int, temperature: float) -> tuple[float, float]:
    """Of one sample: the target's and the non-target's divergence, from probabilities."""
    p, q = d.softmax(s, temperature), d.softmax(t, temperature)
    target = d.kl([q[y], 1 - q[y]], [p[y], 1 - p[y]])
    rest = [k for k in range(len(p)) if k != y]
    others = d.kl([q[k] / (1 - q[y]) for k in rest], [p[k] / (1 - p[y]) for k in rest])
    return target, others


def every(s: Tensor, t: Tensor, y: Tensor, temperature: float) -> list[tuple[float, float]]:
    return [
        parts(a, b, k, temperature)
        for a, b, k in zip(s.tolist(), t.tolist(), y.tolist(), strict=True)
    ]


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
@pytest.mark.parametrize(("alpha", "beta"), [(1, 8), (0.5, 0), (0, 2)])
def test_value_and_gradient(
    shape: tuple[int, int], temperature: float, alpha: float, beta: float
) -> None:
    s, t, y = d.two(shape)
    slow = d.mean([alpha * a + beta * b for a, b in every(s, t, y, temperature)])
    loss = DKD(alpha, beta, temperature)
    assert d.value(loss, s, t, y).item() == pytest.approx(temperature**2 * slow)
    assert d.gradients_agree(loss, s, t, y)


@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_kd_is_both_parts_weighted_by_the_teachers_doubt(temperature: float) -> None:
    s, t, y = d.two((5, 4))
    for n in range(len(s)):
        one = s[n : n + 1], t[n : n + 1], y[n : n + 1]
        doubt = 1 - (t[n] / temperature).softmax(0)[y[n]].item()
        together = d.value(DKD(1, doubt, temperature), *one)
        torch.testing.assert_close(together, d.value(KD(temperature), *one))


def test_with_two_classes_the_rest_is_zero_and_so_is_its_gradient() -> None:
    s, t, y = d.two((4, 2))
    loss = DKD(alpha=0, beta=8)
    assert d.value(loss, s, t, y) == 0
    assert d.gradient(loss, s, t, y).abs().max() == 0


def test_finite_where_a_probability_vanishes() -> None:
    s = torch.tensor([[200.0, -200.0, 0.0]], requires_grad=True)
    t = torch.tensor([[-200.0, 200.0, 0.0]])
    loss = d.value(DKD(temperature=1), s, t, torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_regression_has_no_target_class() -> None:
    s, t, _ = d.two((3, 4))
    with pytest.raises(ValueError, match="not classes"):
        d.value(DKD(), s, t, torch.tensor([0.1, 0.2, 0.3]))
