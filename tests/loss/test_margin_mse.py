from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.margin_mse import MarginMSE
from kdrun.loss.relation import Similarity
from kdrun.types import Batch, Outputs


def out(x: Tensor) -> Outputs:
    return Outputs(logits=torch.zeros(len(x), 3), embedding=x)


def batch(n: int) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def alike(a: list[float], b: list[float], similarity: str) -> float:
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    return dot / (math.hypot(*a) * math.hypot(*b)) if similarity == "cosine" else dot


def slow(s: Tensor, t: Tensor, similarity: str) -> float:
    """The margins themselves, of every sample and every two others."""
    a, b, n = s.tolist(), t.tolist(), len(s)
    found = []
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if len({i, j, k}) == 3:
                    own = alike(a[i], a[j], similarity) - alike(a[i], a[k], similarity)
                    wanted = alike(b[i], b[j], similarity) - alike(b[i], b[k], similarity)
                    found.append((own - wanted) ** 2)
    return sum(found) / len(found)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize(("n", "d_s", "d_t"), [(3, 2, 2), (6, 4, 9)])
def test_value(n: int, d_s: int, d_t: int, similarity: Similarity) -> None:
    s, t = torch.randn(n, d_s, dtype=torch.double), torch.randn(n, d_t, dtype=torch.double)
    found = MarginMSE(similarity)(out(s), out(t), batch(n)).item()
    assert found == pytest.approx(slow(s, t, similarity), rel=1e-10)


def test_gradient() -> None:
    s = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    t = torch.randn(4, 5, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: MarginMSE()(out(x), out(t), batch(4)), s)


@pytest.mark.parametrize("n", [1, 2])
def test_without_two_others_there_is_no_margin(n: int) -> None:
    s = torch.randn(n, 3, requires_grad=True)
    loss = MarginMSE()(out(s), out(torch.randn(n, 3)), batch(n))
    loss.backward()
    assert loss == 0
    assert s.grad is not None
    assert s.grad.isfinite().all()
