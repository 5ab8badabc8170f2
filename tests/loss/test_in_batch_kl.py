from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.in_batch_kl import InBatchKL
from kdrun.loss.relation import Similarity
from kdrun.types import Batch, Outputs


def out(x: Tensor) -> Outputs:
    return Outputs(logits=torch.zeros(len(x), 3), embedding=x)


def batch(n: int) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def neighbours(x: list[list[float]], i: int, temperature: float, similarity: str) -> list[float]:
    powers = []
    for j, other in enumerate(x):
        if j != i:
            dot = sum(p * q for p, q in zip(x[i], other, strict=True))
            if similarity == "cosine":
                dot /= math.hypot(*x[i]) * math.hypot(*other)
            powers.append(math.exp(dot / temperature))
    return [power / sum(powers) for power in powers]


def slow(s: Tensor, t: Tensor, temperature: float, similarity: str) -> float:
    total = 0.0
    for i in range(len(s)):
        p = neighbours(s.tolist(), i, temperature, similarity)
        q = neighbours(t.tolist(), i, temperature, similarity)
        total += sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
    return total / len(s)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize(("n", "d_s", "d_t", "temperature"), [(3, 2, 2, 1.0), (6, 4, 9, 0.3)])
def test_value(n: int, d_s: int, d_t: int, temperature: float, similarity: Similarity) -> None:
    s, t = torch.randn(n, d_s, dtype=torch.double), torch.randn(n, d_t, dtype=torch.double)
    found = InBatchKL(temperature, similarity)(out(s), out(t), batch(n)).item()
    assert found == pytest.approx(slow(s, t, temperature, similarity), rel=1e-9)


def test_gradient() -> None:
    s = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    t = torch.randn(4, 5, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: InBatchKL(0.5)(out(x), out(t), batch(4)), s)


def test_a_sample_alone_or_dead_leaves_the_gradient_finite() -> None:
    for n in (1, 3):
        s = torch.randn(n, 4)
        s[0] = 0
        s.requires_grad_()
        InBatchKL()(out(s), out(torch.randn(n, 4)), batch(n)).backward()
        assert s.grad is not None
        assert s.grad.isfinite().all()
