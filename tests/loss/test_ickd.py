from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.ickd import ICKD
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value


def correlations(channels: list[list[float]]) -> list[list[float]]:
    """(C, C) products of the channels of one map; each row has length one, or zero."""
    g = [[sum(p * q for p, q in zip(a, b, strict=True)) for b in channels] for a in channels]
    return [[v / (math.hypot(*row) or 1.0) for v in row] for row in g]


def slow(s: Tensor, t: Tensor) -> float:
    """Of maps with the same channels."""
    total, width = 0.0, t.shape[1]
    for a, b in zip(s.flatten(2).tolist(), t.flatten(2).tolist(), strict=True):
        g, h = correlations(a), correlations(b)
        total += sum((g[i][j] - h[i][j]) ** 2 for i in range(width) for j in range(width))
    return total / len(t) / width


@pytest.mark.parametrize(
    ("student", "teacher"),
    [((3, 2, 2, 2), (3, 5, 2, 2)), ((2, 4, 3, 3), (2, 4, 1, 1)), ((2, 5, 3), (2, 6, 4, 4))],
)
def test_value(student: tuple[int, ...], teacher: tuple[int, ...]) -> None:
    (s,), (t,) = maps(student), maps(teacher, seed=1)
    loss = built(ICKD(), said([s]), said([t])).eval()
    assert isinstance(loss, ICKD)
    as_map = s if s.ndim == 4 else s[:, 1:].mT.unflatten(2, (2, 2))  # without the class token
    expected = slow(loss.adapter(as_map), t)
    assert value(loss, [s], [t]).item() == pytest.approx(expected, rel=1e-9)


def test_a_dead_channel_of_the_teacher_counts_one_and_gives_no_gradient() -> None:
    (s,), (t,) = maps((2, 3, 4, 4)), maps((2, 3, 4, 4), seed=1)
    t[:, 1] = 0
    loss = built(ICKD(), said([s]), said([t])).eval()
    assert isinstance(loss, ICKD)
    s.requires_grad_()
    found = value(loss, [s], [t])
    found.backward()
    assert found.item() == pytest.approx(slow(loss.adapter(s), t), rel=1e-9)
    assert s.grad is not None
    assert s.grad.isfinite().all()


def test_gradient() -> None:
    s, t = maps((3, 2, 2, 2)), maps((3, 3, 2, 2), seed=1)
    assert gradients_agree(built(ICKD(), said(s), said(t)), s, t)


def test_it_trains_across_architectures() -> None:
    assert learns(ICKD(), CNN(4, 6), CNN(6, 8)) < 0.7
    assert learns(ICKD(), CNN(4, 6), ViT(8, 2)) < 0.9


def test_many_channels_need_no_matrix_of_channels() -> None:
    s, t = (torch.randn(8, 1024, 2, 2) for _ in range(2))
    largest = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                largest = max(largest, result.numel())
            return result

    loss = ICKD()
    loss.build(said([s]), said([t]), torch.zeros(8, dtype=torch.long))
    del loss.adapter[:]  # its weight is a matrix of channels, by design
    with Watch():
        value(loss, [s], [t])
    assert largest == s.numel()
