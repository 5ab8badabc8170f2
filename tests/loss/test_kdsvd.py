from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.loss.kdsvd import KDSVD
from tests.loss.trial import CNN, ViT, data, gradients_agree, learns, maps, value


def decomposed(x: Tensor) -> tuple[list[float], list[list[float]]]:
    """Singular values and right vectors of one map (C, H, W), the largest first."""
    _, s, v = np.linalg.svd(x.flatten(1).T.numpy())
    return s.tolist(), v.tolist()


def dot(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def weighted(s: Tensor, t: Tensor, count: int) -> tuple[list[list[float]], list[list[float]]]:
    """Of one sample: the student's vectors in the order of the teacher's, and the teacher's."""
    sigma, v = decomposed(t)
    _, candidates = decomposed(s)
    candidates = candidates[: min(count + 3, s.shape[0], s[0].numel())]
    norm = math.hypot(*sigma[:count])
    student, teacher = [], []
    for m in range(count):
        direction = [-p for p in v[m]] if sum(v[m]) < 0 else v[m]
        nearest = max(candidates, key=lambda c: abs(dot(c, direction)))
        sign = -1 if dot(nearest, direction) < 0 else 1
        student.append([sign * p * sigma[m] / norm for p in nearest])
        teacher.append([p * sigma[m] / norm for p in direction])
    return student, teacher


def slow(student: list[Tensor], teacher: list[Tensor], count: int) -> float:
    total, n = 0.0, len(student[0])
    for sample in range(n):
        stages = [
            weighted(s[sample], t[sample], count) for s, t in zip(student, teacher, strict=True)
        ]
        for (s_before, t_before), (s, t) in pairwise(stages):
            for m in range(count):
                for i in range(len(s[m])):
                    for j in range(len(s_before[m])):
                        r_s = math.exp(-((s[m][i] - s_before[m][j]) ** 2) / 8)
                        r_t = math.exp(-((t[m][i] - t_before[m][j]) ** 2) / 8)
                        total += (r_s - r_t) ** 2
    return total / n


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3, 4, 4), (2, 5, 2, 2)],  # more places than channels, then fewer
        [(2, 2, 3, 3), (2, 4, 3, 3), (2, 6, 2, 2)],
    ],
)
def test_value(shapes: list[tuple[int, ...]], count: int) -> None:
    s, t = maps(*shapes), maps(*shapes, seed=1)
    found = value(KDSVD(count), s, t).item()
    assert found == pytest.approx(slow(list(s), list(t), count), rel=1e-8)


def test_spatial_sizes_may_differ() -> None:
    s = maps((2, 3, 4, 4), (2, 5, 2, 2))
    t = maps((2, 3, 8, 8), (2, 5, 3, 3), seed=1)
    assert value(KDSVD(), s, t).item() == pytest.approx(slow(list(s), list(t), 1), rel=1e-8)


@pytest.mark.parametrize("count", [1, 2])
def test_gradient(count: int) -> None:
    s, t = maps((1, 3, 3, 3), (1, 5, 2, 2)), maps((1, 3, 3, 3), (1, 5, 2, 2), seed=1)
    assert gradients_agree(KDSVD(count), s, t)


def test_single_precision_is_near_double() -> None:
    shapes = (4, 16, 8, 8), (4, 32, 4, 4)
    s, t = [[x.relu() for x in maps(*shapes, seed=i)] for i in (0, 1)]
    exact = value(KDSVD(), s, t).item()
    single = value(KDSVD(), [x.float() for x in s], [x.float() for x in t]).item()
    assert single == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("kind", ["dead", "one channel", "all singular values equal"])
def test_degenerate_stages_leave_the_gradient_finite(kind: str) -> None:
    first, last = torch.zeros(2, 4, 2, 2), torch.randn(2, 4, 2, 2)
    if kind == "one channel":
        first[:, 0] = 1
    elif kind == "all singular values equal":
        first = torch.eye(4).view(1, 4, 2, 2).repeat(2, 1, 1, 1)
    first.requires_grad_()
    teacher = [torch.randn(2, 4, 2, 2), torch.randn(2, 4, 2, 2)]
    loss = value(KDSVD(2), [first, last], teacher)
    loss.backward()
    assert loss.isfinite()
    assert first.grad is not None
    assert first.grad.isfinite().all()
    assert first.grad.abs().max() < 1e3


def test_zero_where_student_equals_teacher() -> None:
    s = maps((3, 4, 3, 3), (3, 6, 2, 2))
    assert value(KDSVD(2), s, s).item() == pytest.approx(0, abs=1e-12)


def test_it_trains() -> None:
    assert learns(KDSVD(), CNN(4, 6), CNN(4, 6)) < 0.7


def test_other_widths_and_single_stages_are_refused() -> None:
    (batch, *_), targets = data().batches, data().targets
    with pytest.raises(ValueError, match=r"\(8, 4, 8, 8\).*\(8, 5, 8, 8\)"):
        KDSVD().build(CNN(4, 6)(batch), CNN(5, 6)(batch), targets)
    with pytest.raises(ValueError, match="only 1"):
        KDSVD().build(CNN(4)(batch), ViT(4, 1)(batch), targets)
