from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.sp import SP
from kdrun.types import Batch, Outputs


def out(x: Tensor) -> Outputs:
    shallower = torch.randn(len(x), 2, 8, 8)
    return Outputs(logits=torch.zeros(len(x), 3), features=(shallower, x))


def batch(n: int) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def similarities(x: Tensor) -> list[list[float]]:
    flat = [row.reshape(-1).tolist() for row in x]
    g = [[sum(p * q for p, q in zip(a, b, strict=True)) for b in flat] for a in flat]
    return [[v / math.hypot(*row) if any(row) else 0.0 for v in row] for row in g]


def slow(s: Tensor, t: Tensor) -> float:
    a, b, n = similarities(s), similarities(t), len(s)
    return sum((a[i][j] - b[i][j]) ** 2 for i in range(n) for j in range(n)) / n**2


@pytest.mark.parametrize(
    ("s_shape", "t_shape"),
    [((4, 3, 2, 2), (4, 5, 4, 4)), ((3, 5, 8), (3, 2, 3, 3)), ((5, 7), (5, 2))],
)
def test_value(s_shape: tuple[int, ...], t_shape: tuple[int, ...]) -> None:
    s, t = torch.randn(s_shape, dtype=torch.double), torch.randn(t_shape, dtype=torch.double)
    assert SP()(out(s), out(t), batch(len(s))).item() == pytest.approx(slow(s, t), rel=1e-10)


def test_rows_are_normalised_not_columns_nor_the_whole() -> None:
    s = torch.tensor([[1.0, 0.0], [10.0, 10.0]], dtype=torch.double)
    t = torch.eye(2, dtype=torch.double)
    # rows of s·sᵀ: (1, 10)/√101 and (10, 200)/√40100, against the unit matrix
    expected = (1 / 101**0.5 - 1) ** 2 + 100 / 101 + 100 / 40100 + (200 / 40100**0.5 - 1) ** 2
    assert SP()(out(s), out(t), batch(2)).item() == pytest.approx(expected / 4)


def test_gradient() -> None:
    s = torch.randn(3, 2, 2, 2, dtype=torch.double, requires_grad=True)
    t = torch.randn(3, 4, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: SP()(out(x), out(t), batch(3)), s)


def test_scale_does_not_matter() -> None:
    x = torch.randn(4, 6)
    assert SP()(out(1e-4 * x), out(x), batch(4)).item() == pytest.approx(0, abs=1e-10)


def test_dead_samples_are_finite() -> None:
    s = torch.randn(3, 6)
    s[1] = 0
    s.requires_grad_()
    SP()(out(s), out(torch.zeros(3, 6)), batch(3)).backward()
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_half_types_do_not_overflow() -> None:
    x = torch.full((2, 64, 8, 8), 100.0, dtype=torch.float16)
    assert SP()(out(x), out(x), batch(2)) == 0
