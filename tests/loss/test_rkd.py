from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.rkd import RKD
from kdrun.types import Batch, Outputs


def out(x: Tensor) -> Outputs:
    return Outputs(logits=torch.zeros(len(x), 3), embedding=x)


def batch(n: int) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def huber(x: float) -> float:
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


def distances(x: list[list[float]]) -> list[list[float]]:
    n = len(x)
    d = [[math.dist(a, b) for b in x] for a in x]
    mean = sum(d[i][j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return [[d[i][j] / mean for j in range(n)] for i in range(n)]


def angle(a: list[float], b: list[float], c: list[float]) -> float:
    """The cosine at b between a and c."""
    u, v = [p - q for p, q in zip(a, b, strict=True)], [p - q for p, q in zip(c, b, strict=True)]
    lengths = math.hypot(*u) * math.hypot(*v)
    return sum(p * q for p, q in zip(u, v, strict=True)) / lengths if lengths else 0.0


def slow(s: Tensor, t: Tensor, w_d: float, w_a: float) -> float:
    a, b, n = s.tolist(), t.tolist(), len(s)
    d_a, d_b = distances(a), distances(b)
    d = sum(huber(d_a[i][j] - d_b[i][j]) for i in range(n) for j in range(n)) / n**2
    triples = [(i, j, k) for i in range(n) for j in range(n) for k in range(n)]
    v = sum(huber(angle(a[i], a[j], a[k]) - angle(b[i], b[j], b[k])) for i, j, k in triples)
    return w_d * d + w_a * v / n**3


@pytest.mark.parametrize(("n", "d_s", "d_t"), [(2, 3, 3), (5, 4, 7), (8, 1, 2)])
@pytest.mark.parametrize("weights", [(25.0, 50.0), (1.0, 0.0), (0.0, 2.0)])
def test_value(n: int, d_s: int, d_t: int, weights: tuple[float, float]) -> None:
    s, t = torch.randn(n, d_s, dtype=torch.double), 9 * torch.randn(n, d_t, dtype=torch.double)
    found = RKD(*weights)(out(s), out(t), batch(n))
    assert found.item() == pytest.approx(slow(s, t, *weights), rel=1e-10)


def test_gradient() -> None:
    s = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    t = torch.randn(4, 5, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: RKD()(out(x), out(t), batch(4)), s)


@pytest.mark.parametrize("same", [[0, 1], [0, 1, 2, 3]])
def test_samples_that_coincide_leave_the_gradient_finite_and_small(same: list[int]) -> None:
    s = torch.randn(4, 3)
    s[same] = s[0].clone()
    s.requires_grad_()
    t = torch.randn(4, 3)
    loss = RKD()(out(s), out(t), batch(4))
    loss.backward()
    assert torch.isfinite(loss)
    assert s.grad is not None
    assert s.grad.abs().max() < 1e3  # neither NaN nor 1 / epsilon


def test_a_teacher_whose_samples_coincide_gives_a_finite_loss() -> None:
    s = torch.randn(3, 3, requires_grad=True)
    RKD()(out(s), out(torch.ones(3, 3)), batch(3)).backward()
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_rotation_shift_and_scale_do_not_matter() -> None:
    x = torch.randn(6, 4, dtype=torch.double)
    rotation, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.double))
    found = RKD()(out(3 * x @ rotation + 5), out(x), batch(6))
    assert found.item() == pytest.approx(0, abs=1e-12)


def test_close_samples_far_from_the_origin_keep_their_distance() -> None:
    x = torch.tensor([[0.0, 0.0], [0.01, 0.0], [0.0, 0.02]])
    found = RKD()(out(x + 64), out(x), batch(3))  # the expanded square would be off by half
    assert found.item() == pytest.approx(0, abs=1e-3)


def test_one_sample_has_no_relations() -> None:
    assert RKD()(out(torch.randn(1, 3)), out(torch.randn(1, 3)), batch(1)) == 0
