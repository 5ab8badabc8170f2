from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.pkt import PKT
from kdrun.types import Batch, Outputs


def out(x: Tensor) -> Outputs:
    return Outputs(logits=torch.zeros(len(x), 3), embedding=x)


def batch(n: int) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def neighbours(x: list[list[float]]) -> list[list[float]]:
    def kernel(a: list[float], b: list[float]) -> float:
        dot = sum(p * q for p, q in zip(a, b, strict=True))
        return (dot / (math.hypot(*a) * math.hypot(*b)) + 1) / 2

    k = [[kernel(a, b) for b in x] for a in x]
    return [[v / sum(row) for v in row] for row in k]


def slow(s: Tensor, t: Tensor) -> float:
    p, q, n = neighbours(s.tolist()), neighbours(t.tolist()), len(s)
    total = 0.0
    for i in range(n):
        for j in range(n):
            total += q[i][j] * math.log((q[i][j] + 1e-7) / (p[i][j] + 1e-7))
    return total / n**2


@pytest.mark.parametrize(("n", "d_s", "d_t"), [(2, 3, 3), (6, 4, 9)])
def test_value(n: int, d_s: int, d_t: int) -> None:
    s, t = torch.randn(n, d_s, dtype=torch.double), 5 * torch.randn(n, d_t, dtype=torch.double)
    assert PKT()(out(s), out(t), batch(n)).item() == pytest.approx(slow(s, t), rel=1e-9)


def test_opposite_embeddings_are_finite() -> None:
    s = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.double, requires_grad=True)
    t = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.double)
    loss = PKT()(out(s), out(t), batch(2))
    loss.backward()
    assert loss.item() == pytest.approx(slow(s, t), rel=1e-9)
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_gradient() -> None:
    s = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    t = torch.randn(4, 5, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: PKT()(out(x), out(t), batch(4)), s)


def test_scale_does_not_matter() -> None:
    x = torch.randn(5, 4, dtype=torch.double)
    assert PKT()(out(7 * x), out(x), batch(5)).item() == pytest.approx(0, abs=1e-12)


def test_a_dead_embedding_leaves_the_gradient_finite() -> None:
    s = torch.randn(3, 4)
    s[0] = 0
    s.requires_grad_()
    PKT()(out(s), out(torch.randn(3, 4)), batch(3)).backward()
    assert s.grad is not None
    assert s.grad.isfinite().all()
