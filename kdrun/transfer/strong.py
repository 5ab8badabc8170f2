"""Strong augmentation of images that are already batches, drawn from torch's generator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ANGLE, ZOOM, SHIFT, CONTRAST, HOLE = 25.0, 0.2, 0.15, 0.4, 0.4
"""Degrees; relative size; of the width; relative; side of the hole, of the width."""


def strong(images: Tensor) -> Tensor:
    """Turn, scale, shift, change the contrast, and cut a hole: each image in its own way.

    Every draw comes from the global generator of the CPU, which the loop seeds at the beginning of
    an epoch: a resumed epoch draws the same, on any device.

    Args:
        images: (N, C, H, W) in [0, 1].
    """
    n, _, height, width = images.shape
    angle, zoom, across, down, contrast, x, y = (
        draw.to(images) for draw in (2 * torch.rand(7, n) - 1).unbind()
    )
    radians, zoom = angle * math.radians(ANGLE), 1 + ZOOM * zoom
    cos, sin = torch.cos(radians) / zoom, torch.sin(radians) / zoom
    rows = torch.stack([cos, -sin, 2 * SHIFT * across, sin, cos, 2 * SHIFT * down], 1)
    grid = F.affine_grid(rows.view(n, 2, 3), list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, align_corners=False)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (mean + (1 + CONTRAST * contrast).view(-1, 1, 1, 1) * (images - mean)).clamp(0, 1)
    inside_y = (_places(height, images) - y[:, None]).abs() < HOLE
    inside_x = (_places(width, images) - x[:, None]).abs() < HOLE
    return images.masked_fill((inside_y[:, :, None] & inside_x[:, None, :])[:, None], 0.0)


def _places(length: int, like: Tensor) -> Tensor:
    return (2 * torch.arange(length, device=like.device, dtype=like.dtype) + 1) / length - 1
