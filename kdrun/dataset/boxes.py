"""Random rectangles within pictures: of random-resized crops, and of what is erased."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.dataset.random import Keys, uniform

ATTEMPTS = 10
"""At a rectangle that fits, as torchvision has it."""

LARGE = 64 * 64
"""Pixels from which a CPU is quicker at one picture after the other."""

AREA, RATIO = (0.02, 0.33), 3.3
"""Of what random erasing erases, as published: shares of the picture, and its longest aspect."""


def draws(seed: int, epoch: int | Keys, index: Tensor, stream: str) -> Tensor:
    """(N, 22) float64 in [0, 1): for each attempt an area and an aspect ratio; a row and a column.

    Args:
        seed: of the views.
        epoch: of the training.
        index: (N,) positions of the pictures.
        stream: what the rectangles are for.
    """
    attempts = torch.arange(ATTEMPTS, device=index.device)
    many = (index[:, None] * ATTEMPTS + attempts).flatten()
    shaped = [uniform(seed, epoch, many, f"{stream} {what}").view(-1, ATTEMPTS)
              for what in ("area", "ratio")]  # fmt: skip
    placed = [
        uniform(seed, epoch, index, f"{stream} {what}")[:, None] for what in ("row", "column")
    ]
    return torch.cat([*shaped, *placed], 1).double()


def crops(drawn: Tensor, height: int, width: int, least: float, ratio: float) -> Tensor:
    """(N, 4) int64 top, left, height and width of random-resized crops, in law as torchvision's.

    Szegedy et al., 2015. https://arxiv.org/abs/1409.4842

    Args:
        drawn: (N, 22) as `draws` gives them.
        height: of the pictures.
        width: likewise.
        least: the smallest share of a picture's area; the largest is all of it.
        ratio: the largest of width to height, and of height to width. Where ten attempts have not
            fitted, the largest such rectangle in the middle is taken.
    """
    wide, high, fits, first = _sized(drawn, height, width, (least, 1.0), ratio)
    inside = min(max(width / height, 1 / ratio), ratio)
    # The largest rectangle of an allowed aspect.
    whole = (
        (round(width / inside), width)
        if width / height <= inside
        else (height, round(height * inside))
    )
    none = ~fits.any(1)
    high = torch.where(none, whole[0], high.gather(1, first).squeeze(1))
    wide = torch.where(none, whole[1], wide.gather(1, first).squeeze(1))
    top = torch.where(none, (height - high) // 2, _placed(drawn[:, -2], height, high))
    left = torch.where(none, (width - wide) // 2, _placed(drawn[:, -1], width, wide))
    return torch.stack([top, left, high, wide], 1)


def erased(drawn: Tensor, chance: Tensor, height: int, width: int) -> Tensor:
    """(N, H, W) bool: which pixels random erasing blackens, in law as torchvision's.

    Zhong et al., 2020. https://arxiv.org/abs/1708.04896

    Args:
        drawn: (N, 22) as `draws` gives them.
        chance: (N,) bool, whose pictures lose anything.
        height: of the pictures.
        width: likewise.
    """
    wide, high, _, _ = _sized(drawn, height, width, AREA, RATIO, low=0.3)
    fits = (wide < width) & (high < height)
    first = fits.int().argmax(1, keepdim=True)
    high, wide = high.gather(1, first).squeeze(1), wide.gather(1, first).squeeze(1)
    top, left = _placed(drawn[:, -2], height, high), _placed(drawn[:, -1], width, wide)
    rows = torch.arange(height, device=drawn.device)
    columns = torch.arange(width, device=drawn.device)
    within = (rows >= top[:, None]) & (rows < (top + high)[:, None])
    across = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    hit = chance & fits.any(1)
    return within[:, :, None] & across[:, None, :] & hit[:, None, None]


def _sized(
    drawn: Tensor,
    height: int,
    width: int,
    area: tuple[float, float],
    ratio: float,
    low: float | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(N, 10) widths and heights, which of them fit, and (N, 1) the first that does."""
    least, most = area
    shares = (least + drawn[:, :ATTEMPTS] * (most - least)) * (height * width)
    low = math.log(1 / ratio if low is None else low)
    aspects = (low + drawn[:, ATTEMPTS : 2 * ATTEMPTS] * (math.log(ratio) - low)).exp()
    wide, high = (shares * aspects).sqrt().round().long(), (shares / aspects).sqrt().round().long()
    fits = (wide > 0) & (wide <= width) & (high > 0) & (high <= height)
    return wide, high, fits, fits.int().argmax(1, keepdim=True)


def _placed(drawn: Tensor, length: int, taken: Tensor) -> Tensor:
    """(N,) where rectangles begin that take so much of a length."""
    return (drawn * (length - taken + 1)).long()


def stretched(images: Tensor, boxes: Tensor, mode: str) -> Tensor:
    """Cut a rectangle out of each picture, and bring it to the size of the picture.

    It is never made smaller, so that bilinear interpolation is what antialiasing gives.

    Args:
        images: (N, C, H, W) float.
        boxes: (N, 4), as `crops` gives them.
        mode: bilinear, or nearest.
    """
    height, width = images.shape[2:]
    if mode == "bilinear" and images.device.type == "cpu" and height * width >= LARGE:
        return torch.cat(
            [
                F.interpolate(image[None, :, top : top + high, left : left + wide], (height, width),
                              mode=mode, align_corners=False)
                for image, (top, left, high, wide) in zip(images, boxes.tolist(), strict=True)
            ]
        )  # fmt: skip
    y = (_sources(boxes[:, 0], boxes[:, 2], height) * (2 / height) - 1).to(images.dtype)
    x = (_sources(boxes[:, 1], boxes[:, 3], width) * (2 / width) - 1).to(images.dtype)
    grid = torch.stack(
        [x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], 3
    )
    return F.grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=False)


def _sources(first: Tensor, taken: Tensor, length: int) -> Tensor:
    """(N, length) float64: where each pixel's middle lies in the picture, in pixels from its edge.

    What would be beyond the rectangle is its outermost pixel, as if it had been cut out before.
    """
    middles = (torch.arange(length, device=first.device) + 0.5).double()
    inside = middles * (taken / length)[:, None].double()
    inside = inside.clamp(min=0.5).minimum(taken[:, None].double() - 0.5)
    return first[:, None] + inside
