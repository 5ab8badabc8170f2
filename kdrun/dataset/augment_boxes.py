"""Boxes, changed as their pictures are."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.dataset import boxes
from kdrun.dataset.augment import CROP, Augment
from kdrun.dataset.random import Keys, integers, uniform

LEAST = 1.0
"""Pixels of height and width that have to be left of a box, or it is none any more."""


def refuse(augment: Augment) -> None:
    """Refuse what boxes cannot follow.

    Raises:
        ValueError: pictures are turned, and what is tight around a thing then is not known; or a
            policy does it.
    """
    if augment.policy != "none":
        raise ValueError(
            f"augment.policy={augment.policy} turns pictures, and a box does not turn: set it to "
            "none for detection"
        )
    if augment.rotate:
        raise ValueError(
            "augment.rotate turns pictures, and a box does not turn: set it to 0 for detection"
        )


def boxes_along(
    augment: Augment,
    targets: Tensor,
    size: tuple[int, int],
    index: Tensor,
    epoch: int | Keys,
    seed: int,
) -> Tensor:
    """Change boxes as `Augment` changes their pictures; what is blackened leaves them as they are.

    A box is cut at the border of its picture; of which less than a pixel is left is no box.

    Args:
        augment: without rotation and mixup.
        targets: (N, M, 6), as in `kdrun.task.detection.Detection`.
        size: height and width of the pictures.
        index: (N,) int64, as in `Augment.__call__`, as are the others.
        epoch: likewise.
        seed: likewise.

    Returns:
        (N, M, 6).
    """
    height, width = size
    label, left, top, right, bottom, crowd = targets.unbind(2)
    if augment.flip:
        flipped = (uniform(seed, epoch, index, "flip") < 0.5)[:, None]
        left, right = (
            torch.where(flipped, width - right, left),
            torch.where(flipped, width - left, right),
        )
    if padding := augment.crop_padding:
        down = padding - integers(seed, epoch, index, "crop row", 2 * padding + 1)[:, None]
        across = padding - integers(seed, epoch, index, "crop column", 2 * padding + 1)[:, None]
        left, right = left + across, right + across
        top, bottom = top + down, bottom + down
        # What a crop cuts away is black afterwards, however the rest is scaled.
        left, right = left.clamp(0, width), right.clamp(0, width)
        top, bottom = top.clamp(0, height), bottom.clamp(0, height)
    if augment.resized_crop:
        drawn = boxes.draws(seed, epoch, index, CROP)
        cut = boxes.crops(drawn, height, width, augment.resized_crop, augment.crop_ratio)
        y, x, high, wide = (value[:, None] for value in cut.to(left.dtype).unbind(1))
        left, right = (((v - x) * width / wide).clamp(0, width) for v in (left, right))
        top, bottom = (((v - y) * height / high).clamp(0, height) for v in (top, bottom))
    if augment.scale:
        zoom = 1 + (uniform(seed, epoch, index, "scale") * 2 - 1)[:, None] * augment.scale
        left, right = ((x - width / 2) * zoom + width / 2 for x in (left, right))
        top, bottom = ((y - height / 2) * zoom + height / 2 for y in (top, bottom))
    left, right = left.clamp(0, width), right.clamp(0, width)
    top, bottom = top.clamp(0, height), bottom.clamp(0, height)
    gone = (right - left < LEAST) | (bottom - top < LEAST)
    label = torch.where(gone, -1.0, label)
    return torch.stack([label, left, top, right, bottom, crowd], 2)
