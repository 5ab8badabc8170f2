"""Against the standard scores and distances of Python's floats."""

from __future__ import annotations

import math
import statistics
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from kdrun.loss.unic import UNIC
from kdrun.types import Batch, Outputs

DRAW = torch.Generator().manual_seed(0)
TEACHER = 3 * torch.randn(20, 5, generator=DRAW, dtype=torch.double) + 100
TEACHER[:, 4] = 7.0  # says nothing
STUDENT = torch.randn(20, 3, generator=DRAW, dtype=torch.double)
ALL = Batch(torch.zeros(20, 1), torch.full((20,), -1), torch.arange(20))
LOGITS = torch.zeros(20, 2)


def built(hidden: int = 0) -> UNIC:
    loss = UNIC(hidden)
    loss.build(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER), ALL.target)
    parts = [Batch(ALL.input, ALL.target, index) for index in ALL.index.split(7)]
    loader = SimpleNamespace(epoch=lambda number: parts)
    loss.prepare(lambda batch: Outputs(LOGITS, TEACHER[batch.index]), loader)  # type: ignore[arg-type]
    return loss


def slow(said: list[list[float]]) -> float:
    columns = list(zip(*TEACHER.tolist(), strict=True))
    means = [statistics.fmean(column) for column in columns]
    spread = [statistics.pstdev(column) or 1.0 for column in columns]
    total = 0.0
    for own, row in zip(said, TEACHER.tolist(), strict=True):
        z = [(t - m) / d for t, m, d in zip(row, means, spread, strict=True)]
        dot = sum(a * b for a, b in zip(own, z, strict=True))
        far = [abs(a - b) for a, b in zip(own, z, strict=True)]
        smooth = statistics.fmean(d**2 / 2 if d < 1 else d - 0.5 for d in far)
        total += 0.5 * (1 - dot / (math.hypot(*own) * math.hypot(*z))) + 0.5 * smooth
    return total / len(said)


@pytest.mark.parametrize("hidden", [0, 6])
def test_value(hidden: int) -> None:
    loss = built(hidden)
    found = loss(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER), ALL).item()
    assert found == pytest.approx(slow(loss.projection(STUDENT).tolist()), rel=1e-9)


def test_gradient() -> None:
    loss = built()
    few, some = ALL.map(lambda tensor: tensor[:4]), Outputs(LOGITS[:4], TEACHER[:4])

    def value(x: Tensor) -> Tensor:
        found: Tensor = loss(Outputs(LOGITS[:4], x), some, few)
        return found

    assert torch.autograd.gradcheck(value, STUDENT[:4].clone().requires_grad_())


def test_how_loud_a_teacher_is_does_not_matter() -> None:
    global TEACHER
    loss, quiet = built(), TEACHER
    expected = loss(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER), ALL)
    try:
        TEACHER = 50 * quiet - 3
        louder = built()
        louder.projection.load_state_dict(loss.projection.state_dict())
        found = louder(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER), ALL)
    finally:
        TEACHER = quiet
    torch.testing.assert_close(found, expected)


def test_another_width_is_told() -> None:
    with pytest.raises(ValueError, match="5 numbers that the projection was made for"):
        built()(Outputs(LOGITS, STUDENT), Outputs(LOGITS, TEACHER[:, :2]), ALL)
    with pytest.raises(ValueError, match="hidden=-1"):
        UNIC(-1)
