"""Read images of any common kind into the shape that a model wants: only here one is opened."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.pixels import within_bounds
from kdrun.security.bounds import TooLargeError, is_plain

if TYPE_CHECKING:
    from PIL import Image

KINDS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "AVIF": (".avif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
"""Pillow's formats that are plain data, and how their files end. Others of its decoders start
programs (EPS), fetch more files, or are hardly ever used: they are not asked."""

SUFFIXES = tuple(suffix for suffixes in KINDS.values() for suffix in suffixes)

WHITE = "white"
"""What is behind transparent pixels: paper."""


@cache
def formats() -> tuple[str, ...]:
    """Those of `KINDS` that the installed Pillow decodes."""
    from PIL import features

    needs = {"WEBP": "webp", "AVIF": "avif"}
    built_in = set(features.get_supported())
    return tuple(kind for kind in KINDS if needs.get(kind) is None or needs[kind] in built_in)


def readable() -> tuple[str, ...]:
    """How files end that the installed Pillow decodes."""
    return tuple(suffix for kind in formats() for suffix in KINDS[kind])


def read_image(path: str | Path, shape: tuple[int, int, int], background: str = WHITE) -> Tensor:
    """Decode an image file; of one with several frames or pages, the first.

    Args:
        path: a file of one of `KINDS`, whatever its name says.
        shape: (channels, height, width) to bring it to, as `fit_image` does.
        background: likewise.

    Returns:
        (height, width, channels) uint8.

    Raises:
        ValueError: the file cannot be decoded, or would take too much memory; the message names it.
    """
    from PIL import Image, ImageOps

    channels, height, width = shape
    if not is_plain(path):
        raise ValueError(f"{path} is no plain file, and is not opened")
    Image.MAX_IMAGE_PIXELS = None  # `within_bounds` counts what they take
    try:
        with Image.open(path, formats=formats()) as image:
            if image.format == "TIFF" and image.mode == "I":
                raise ValueError("its 32-bit or signed numbers have no white: save 8 or 16 bits")
            limit = within_bounds(image, path)
            # A large JPEG is decoded at a fraction of its size, still twice what is needed.
            image.draft("L" if channels == 1 else "RGB", (2 * width, 2 * height))
            with limit:
                return fit_image(ImageOps.exif_transpose(image), shape, background)
    except TooLargeError:
        raise
    except Exception as fault:  # Pillow's decoders raise half a dozen kinds
        raise ValueError(
            f"{path} cannot be read as an image ({_why(fault)}). Repair or remove the file."
        ) from fault


def fit_image(image: Image.Image, shape: tuple[int, int, int], background: str = WHITE) -> Tensor:
    """Convert a Pillow image to grey or RGB, cut its centre to the aspect ratio and resize it.

    Args:
        image: of any mode of whole numbers; 16 bits become 8.
        shape: (channels, height, width), with 1 or 3 channels.
        background: the colour on which transparent pixels are put, as Pillow writes it.

    Returns:
        (height, width, channels) uint8.

    Raises:
        ValueError: its pixels are floating point numbers, whose black and white nobody tells.
    """
    from PIL import Image, ImageOps

    channels, height, width = shape
    if image.mode == "F":
        raise ValueError("it holds floating point numbers: save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # convert() would clip 16 bits at 255
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).view(height, width, channels)


def check_background(background: str) -> None:
    """Refuse what is no colour.

    Raises:
        ValueError: with what there is to say.
    """
    from PIL import ImageColor

    try:
        ImageColor.getrgb(background)
    except (ValueError, AttributeError) as fault:
        raise ValueError(
            f"dataset.background={background} is no colour: give white, black or '#rrggbb'."
        ) from fault


def _why(fault: Exception) -> str:
    """What Pillow says, without the path that stands before it anyway."""
    told = str(fault)
    return "it is none of JPEG, PNG, WebP, ..." if told.startswith("cannot identify") else told
