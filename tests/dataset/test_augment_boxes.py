"""Boxes go where their pictures go."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kdrun.dataset.augment import Augment
from kdrun.dataset.augment_boxes import boxes_along, refuse

SIZE = (20, 24)


def painted(boxes: torch.Tensor) -> torch.Tensor:
    """(N, 3, 20, 24) uint8: white where the box of a picture is."""
    images = torch.zeros(len(boxes), 3, *SIZE, dtype=torch.uint8)
    for image, (left, top, right, bottom) in zip(images, boxes.int().tolist(), strict=True):
        image[:, top:bottom, left:right] = 255
    return images


@pytest.mark.parametrize(
    "augment",
    [
        Augment(flip=True),
        Augment(crop_padding=5),
        Augment(crop_padding=3, flip=True),
        Augment(scale=0.4),
        Augment(resized_crop=0.5),
        Augment(scale=0.3, flip=True, crop_padding=4, cutout=2),
    ],
    ids=str,
)
def test_a_box_is_where_its_paint_is(augment: Augment) -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.randint(0, 12, (40, 2), generator=generator)
    boxes = torch.cat([corner, corner + 8], 1).float()
    targets = torch.cat([torch.zeros(40, 1), boxes, torch.zeros(40, 1)], 1)[:, None]
    index = torch.arange(40)
    images = replace(augment, cutout=0)(painted(boxes), index, 3, 1)
    found = boxes_along(augment, targets, SIZE, index, 3, 1)
    moved = 0
    for image, before, after in zip(images, targets[:, 0], found[:, 0], strict=True):
        lit = image[0] > 0.5
        down, across = lit.any(1).nonzero(), lit.any(0).nonzero()
        sides = [across.min(), down.min(), across.max() + 1, down.max() + 1]
        torch.testing.assert_close(after[1:5], torch.stack(sides).float(), atol=0.51, rtol=0)
        moved += not torch.equal(before, after)
    assert moved > 10


def test_what_has_left_the_picture_is_no_box() -> None:
    edge = torch.tensor([[[2, 0, 0, 2, 9, 0], [1, 4, 4, 12, 12, 1]]]).repeat(60, 1, 1).float()
    found = boxes_along(Augment(crop_padding=3), edge, SIZE, torch.arange(60), 0, 0)
    gone = found[:, 0, 0] == -1
    assert 5 < int(gone.sum()) < 55
    assert bool(((found[:, 0, 3] - found[:, 0, 1] < 1) == gone).all())
    assert bool((found[:, 1, 0] == 1).all())
    assert bool((found[:, 1, 5] == 1).all())


def test_none_stays_none_and_turning_is_refused() -> None:
    none = torch.zeros(2, 1, 6)
    none[..., 0] = -1
    found = boxes_along(Augment(flip=True, scale=0.2), none, SIZE, torch.arange(2), 0, 0)
    assert found[..., 0].tolist() == [[-1], [-1]]
    with pytest.raises(ValueError, match="a box does not turn"):
        refuse(Augment(rotate=5))
    with pytest.raises(ValueError, match="policy=rand turns"):
        refuse(Augment(policy="rand"))
    refuse(Augment(scale=0.2, flip=True, resized_crop=0.3))
