"""Read images of any common kind into the shape that a model wants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png")


def read_image(path: str | Path, shape: tuple[int, int, int]) -> Tensor:
    """Decode an image file.

    Args:
        path: a JPEG or PNG file.
        shape: (channels, height, width) to bring it to, as `fit_image` does.

    Returns:
        (height, width, channels) uint8.

    Raises:
        ValueError: the file cannot be decoded; the message names it.
    """
    from PIL import Image, ImageOps

    channels, height, width = shape
    try:
        with Image.open(path) as image:
            # A large JPEG is decoded at a fraction of its size, still twice what is needed.
            image.draft("L" if channels == 1 else "RGB", (2 * width, 2 * height))
            return fit_image(ImageOps.exif_transpose(image), shape)
    except Exception as fault:  # Pillow's decoders raise half a dozen kinds
        raise ValueError(
            f"{path} cannot be read as an image ({fault}). Repair or remove the file."
        ) from fault


def fit_image(image: Image.Image, shape: tuple[int, int, int]) -> Tensor:
    """Convert a Pillow image to grey or RGB, cut its centre to the aspect ratio and resize it.

    Args:
        image: of any mode; transparency is dropped, 16 bits become 8.
        shape: (channels, height, width), with 1 or 3 channels.

    Returns:
        (height, width, channels) uint8.
    """
    from PIL import Image, ImageOps

    channels, height, width = shape
    if image.mode.startswith("I"):  # convert() would clip 16 bits at 255
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if "transparency" in image.info:
        image = image.convert("RGBA")
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).view(height, width, channels)
