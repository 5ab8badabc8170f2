"""Maps and boxes of two pictures, for the tests of detectors' losses."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.loss import Loss
from kdrun.task.detection import stacked
from kdrun.types import Batch, Outputs
from tests.loss.maps import maps

SIZE = (32, 48)
"""Height and width of the pictures."""

TARGETS = stacked(
    [[[0, 3, 2, 17, 13, 0], [1, 10, 8, 40, 30, 0], [0, 0, 0, 48, 32, 1]], []]
).double()
"""Two boxes that overlap and a crowd; and nothing."""


def batch() -> Batch:
    return Batch(torch.zeros(2, 3, *SIZE), TARGETS, torch.arange(2))


def levels(*widths: int, seed: int = 0) -> list[Tensor]:
    """(2, width, 4, 6) and (2, width, 2, 3)."""
    return [maps(2, w, 4 // 2**n, 6 // 2**n, seed=seed + n) for n, w in enumerate(widths)]


def said(stages: list[Tensor]) -> Outputs:
    return Outputs(torch.zeros(2, 0, 6), features=tuple(stages))


def built(loss: Loss, student: list[Tensor], teacher: list[Tensor]) -> Loss:
    torch.manual_seed(0)
    loss.build(said(student), said(teacher), TARGETS)
    return loss.double()


def value(loss: Loss, student: list[Tensor], teacher: list[Tensor]) -> Tensor:
    result: Tensor = loss(said(student), said(teacher), batch())
    return result


def gradients_agree(loss: Loss, student: list[Tensor], teacher: list[Tensor]) -> bool:
    """For the stages of the student and every adapter."""
    leaves = [x.clone().requires_grad_() for x in student]
    trained = list(loss.parameters())

    def term(*given: Tensor) -> Tensor:
        return value(loss, list(given[: len(leaves)]), teacher)

    return torch.autograd.gradcheck(term, (*leaves, *trained))
