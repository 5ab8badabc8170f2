"""Masks as pictures that every program opens: a PNG of class numbers, with a colour for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor


def colours(count: int = 256) -> list[tuple[int, int, int]]:
    """The colour of each class, by the rule of Pascal VOC: bits of its number, spread out.

    Class 0 is black.
    """
    found = []
    for number in range(count):
        red = green = blue = 0
        rest = number
        for place in range(7, -1, -1):
            red |= (rest & 1) << place
            green |= (rest >> 1 & 1) << place
            blue |= (rest >> 2 & 1) << place
            rest >>= 3
        found.append((red, green, blue))
    return found


def write_mask(path: Path, mask: Tensor) -> None:
    """Write a mask as a PNG with a palette, whole or not at all.

    Args:
        path: of the file.
        mask: (H, W) classes, 0 to 255; -1 becomes 255.
    """
    from PIL import Image

    from kdrun.results.record import atomic

    image = Image.fromarray(mask.numpy().astype(np.uint8), mode="P")
    image.putpalette([value for colour in colours() for value in colour])
    with atomic(path) as temporary:
        image.save(temporary, format="PNG")
