"""Windows of padded pictures, cut by copying whole rows of bytes; and black squares in them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.dataset.random import Keys, integers

CropMode = Literal["zeros", "reflect"]


def padded(images: Tensor, padding: int, mode: CropMode) -> Tensor:
    """(N, H, W, C) bytes with a border.

    Args:
        images: without.
        padding: pixels at each side.
        mode: what they hold: black, or what is mirrored at the border.

    Raises:
        ValueError: the padding is too large to be reflected.
    """
    if mode == "zeros":
        return F.pad(images, (0, 0, padding, padding, padding, padding))
    if padding >= min(images.shape[1:3]):
        raise ValueError(
            f"augment.crop_padding={padding} cannot be reflected in images of "
            f"{images.shape[1]}x{images.shape[2]}: give less, or crop_mode=zeros."
        )
    for dim in (1, 2):  # torch reflects no bytes
        first = images.narrow(dim, 1, padding).flip(dim)
        last = images.narrow(dim, images.shape[dim] - 1 - padding, padding).flip(dim)
        images = torch.cat([first, images, last], dim)
    return images


def cut(
    images: Tensor, source: Tensor, top: Tensor, left: Tensor, height: int, width: int
) -> Tensor:
    """Cut one window of (height, width) from each chosen image of (M, H, W, C) contiguous bytes.

    A row of a window is a run of bytes that may start anywhere: as rows of an overlapping view,
    they are gathered by one index_select, a memcpy for each row.
    """
    _, padded_height, padded_width, channels = images.shape
    row = (source * padded_height + top)[:, None] + torch.arange(height, device=images.device)
    start = (row * padded_width + left[:, None]) * channels
    length = width * channels
    flat = images.view(-1)
    runs = flat.as_strided((len(flat) - length + 1, length), (1, 1))
    return runs.index_select(0, start.view(-1)).view(len(source), height, width, channels)


def blackened(images: Tensor, side: int, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
    """Blacken a square around a random pixel of each; it may reach over the border.

    Args:
        images: (N, C, H, W) float, which are changed.
        side: of the square.
        index: (N,) positions of the pictures.
        epoch: of the training.
        seed: of the views.
    """
    inside = []
    for length, stream in zip(images.shape[2:], ("cutout row", "cutout column"), strict=True):
        first = integers(seed, epoch, index, stream, length)[:, None] - side // 2
        place = torch.arange(length, device=images.device)
        inside.append((place >= first) & (place < first + side))
    rows, columns = inside
    return images.masked_fill_((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
