from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchvision.ops import generalized_box_iou

from kdrun.loss.response import Response, generalised_overlap
from kdrun.types import Outputs
from tests.loss import boxes as b
from tests.loss.maps import maps


def heads(seed: int, places: int = 5, classes: int = 3) -> tuple[Tensor, Tensor]:
    corner = 20 * maps(2, places, 2, seed=seed).abs()
    return maps(2, places, classes, seed=seed + 1), torch.cat(
        [corner, corner + 3 + 10 * maps(2, places, 2, seed=seed + 2).abs()], 2
    )


def said(scores: Tensor, places: Tensor) -> Outputs:
    return Outputs(torch.zeros(2, 0, 6), heads=(scores, places))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def slow(own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], weight: float) -> float:
    total, seen = 0.0, 0.0
    for n in range(2):
        overlap = generalized_box_iou(own[1][n], other[1][n]).diag().tolist()
        for i in range(own[0].shape[1]):
            p = [sigmoid(x) for x in own[0][n, i].tolist()]
            q = [sigmoid(x) for x in other[0][n, i].tolist()]
            gaps = [abs(x - y) for x, y in zip(p, q, strict=True)]
            for x, y, gap in zip(p, q, gaps, strict=True):
                total += gap * -(y * math.log(x) + (1 - y) * math.log(1 - x))
            total += weight * max(gaps) * (1 - overlap[i])
            seen += max(q)
    return total / max(seen, 1)


@pytest.mark.parametrize("weight", [0.0, 4.0])
def test_value_and_gradient(weight: float) -> None:
    own, other = heads(0), heads(10)
    loss = Response(weight)
    loss.build(said(*own), said(*other), b.TARGETS)
    value = loss(said(*own), said(*other), b.batch())
    assert value.item() == pytest.approx(slow(own, other, weight), rel=1e-6)
    leaves = tuple(x.clone().requires_grad_() for x in own)
    if not weight:  # that of boxes is a constant, which finite differences do not know
        assert torch.autograd.gradcheck(
            lambda x, y: loss(said(x, y), said(*other), b.batch()), leaves
        )
        return

    def boxes(x: Tensor) -> Tensor:
        result: Tensor = loss(said(own[0], x), said(*other), b.batch())
        return result

    assert torch.autograd.gradcheck(boxes, (leaves[1],))


def test_equal_heads_have_nothing_to_learn() -> None:
    own = heads(0)
    assert Response()(said(*own), said(*own), b.batch()).item() == pytest.approx(0, abs=1e-12)


def test_overlap_is_that_of_torchvision() -> None:
    own, other = heads(0, 50)[1][0], heads(10, 50)[1][0]
    expected = generalized_box_iou(own, other).diag()
    torch.testing.assert_close(generalised_overlap(own, other), expected, atol=1e-7, rtol=1e-6)
    flat = torch.zeros(1, 4).double()
    assert bool(generalised_overlap(flat, own[:1]).isfinite().all())


def test_other_places_are_refused() -> None:
    own, other = heads(0), heads(0, places=7)
    with pytest.raises(ValueError, match="same levels and anchors"):
        Response().build(said(*own), said(*other), b.TARGETS)
    with pytest.raises(ValueError, match="fcos_resnet18"):
        Response().build(b.said(b.levels(3)), said(*own), b.TARGETS)
    with pytest.raises(ValueError, match="boxes=-1"):
        Response(-1)
