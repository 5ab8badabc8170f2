from __future__ import annotations

import pytest
import torch

from kdrun.loss.kd import KD
from kdrun.loss.reverse_kl import ReverseKL
from tests.loss import decisions as d


@pytest.mark.parametrize("shape", d.SHAPES)
@pytest.mark.parametrize("temperature", d.TEMPERATURES)
def test_value_and_gradient(shape: tuple[int, int], temperature: float) -> None:
    s, t, y = d.two(shape)
    loss = ReverseKL(temperature)
    rows = zip(s.tolist(), t.tolist(), strict=True)
    slow = [d.kl(d.softmax(a, temperature), d.softmax(b, temperature)) for a, b in rows]
    assert d.value(loss, s, t).item() == pytest.approx(temperature**2 * d.mean(slow))
    assert d.gradients_agree(loss, s, t, y)


def test_it_is_kd_with_the_two_exchanged() -> None:
    s, t, _ = d.two((5, 4))
    torch.testing.assert_close(d.value(ReverseKL(2.0), s, t), d.value(KD(2.0), t, s))


def test_it_prefers_one_mode_where_kd_covers_both() -> None:
    teacher = torch.tensor([[4.0, 4.0, -9.0]], dtype=torch.float64)
    one = torch.tensor([[4.0, -9.0, -9.0]], dtype=torch.float64)
    between = torch.zeros(1, 3, dtype=torch.float64)
    assert d.value(ReverseKL(), one, teacher) < d.value(ReverseKL(), between, teacher)
    assert d.value(KD(1.0), one, teacher) > d.value(KD(1.0), between, teacher)
