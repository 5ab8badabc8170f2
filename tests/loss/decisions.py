"""Random logits, and the slow arithmetic by which the tests of logit losses check them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from kdrun.loss import Loss
from kdrun.types import Batch, Outputs

SHAPES = [(1, 2), (2, 3), (5, 4), (3, 10)]
TEMPERATURES = [1.0, 2.5, 4.0]

Row = list[float]


def logits(n: int, c: int, seed: int = 0, scale: float = 3.0) -> Tensor:
    generator = torch.Generator().manual_seed(1000 * n + 10 * c + seed)
    return scale * torch.randn(n, c, generator=generator, dtype=torch.float64)


def two(shape: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of a student and a teacher, and targets."""
    n, c = shape
    return logits(n, c, 1), logits(n, c, 2), torch.arange(n) * 3 % c


def batch(target: Tensor) -> Batch:
    return Batch(torch.zeros(len(target), 1), target, torch.arange(len(target)))


def value(loss: Loss, student: Tensor, teacher: Tensor, target: Tensor | None = None) -> Tensor:
    """The loss between these logits."""
    target = torch.zeros(len(student), dtype=torch.long) if target is None else target
    result: Tensor = loss(Outputs(student), Outputs(teacher), batch(target))
    return result


def gradients_agree(loss: Loss, student: Tensor, teacher: Tensor, target: Tensor) -> bool:
    """Whether autograd and finite differences agree for the student's logits."""
    return torch.autograd.gradcheck(
        lambda s: value(loss, s, teacher, target), (student.clone().requires_grad_(),)
    )


def gradient(loss: Loss, student: Tensor, teacher: Tensor, target: Tensor | None = None) -> Tensor:
    """Of the loss, by the student's logits."""
    leaf = student.clone().requires_grad_()
    value(loss, leaf, teacher, target).backward()
    assert leaf.grad is not None
    return leaf.grad


def softmax(row: Sequence[float], temperature: float = 1.0) -> Row:
    powers = [math.exp(x / temperature) for x in row]
    return [p / sum(powers) for p in powers]


def kl(q: Sequence[float], p: Sequence[float]) -> float:
    return sum(b * math.log(b / a) for b, a in zip(q, p, strict=True))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def standardized(row: Sequence[float]) -> Row:
    m = mean(row)
    deviation = math.sqrt(sum((x - m) ** 2 for x in row) / (len(row) - 1))
    return [(x - m) / (deviation + 1e-7) for x in row]
