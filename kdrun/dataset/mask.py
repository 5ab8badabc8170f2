"""One mask: which class each pixel of a picture is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.image import formats
from kdrun.dataset.pixels import within_bounds
from kdrun.security.bounds import TooLargeError, is_plain

VOID = "void"
"""The name of colours that are no class."""


class Reading:
    """What the numbers or colours of masks mean.

    Attributes:
        names: of the classes, by colour; empty where masks hold numbers.

    Args:
        colours: [red, green, blue] of each class by name; None for masks of numbers.
        void: numbers that do not count.

    Raises:
        ValueError: a colour is none, or stands twice.
    """

    def __init__(
        self, colours: Mapping[str, Sequence[int]] | None = None, void: Sequence[int] = (255,)
    ) -> None:
        self.void = tuple(void)
        self.names = [str(name) for name in colours or {} if str(name) != VOID]
        self.table: dict[int, int] = {}
        for name, colour in (colours or {}).items():
            values = list(colour)
            if len(values) != 3 or not all(isinstance(v, int) and 0 <= v < 256 for v in values):
                raise ValueError(
                    f"dataset.colours.{name}={values}: give [red, green, blue], 0..255."
                )
            code = _code(*values)
            if code in self.table:
                raise ValueError(f"dataset.colours: {values} stands for two classes.")
            self.table[code] = -1 if str(name) == VOID else self.names.index(str(name))


def _code(red: int, green: int, blue: int) -> int:
    return (red << 16) + (green << 8) + blue


def size_of(path: str) -> tuple[int, int]:
    """Height and width of an image file as it is shown, from its header.

    Raises:
        ValueError: the file cannot be read.
    """
    from PIL import Image

    if not is_plain(path):
        raise ValueError(f"{path} is no plain file, and is not opened")
    Image.MAX_IMAGE_PIXELS = None  # `within_bounds` counts what pixels take
    try:
        with Image.open(path, formats=formats()) as image:
            turned = image.getexif().get(0x0112, 1) >= 5
            width, height = image.size[::-1] if turned else image.size
    except Exception as fault:
        raise ValueError(f"{path} cannot be read as an image ({fault}).") from fault
    return height, width


def read_mask(path: str, size: tuple[int, int], reading: Reading) -> Tensor:
    """Decode a mask.

    Args:
        path: a file of grey levels, of a palette or, where `reading` has colours, of colours.
        size: height and width to bring it to, by nearest pixels of its centre.
        reading: what numbers or colours mean.

    Returns:
        (H, W) int64 classes, -1 where none counts.

    Raises:
        ValueError: the file cannot be read, or has a colour that nobody named.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path, formats=formats()) as image, within_bounds(image, path):
            shown = ImageOps.exif_transpose(image)
            kind = shown.mode
            if reading.table:
                shown = shown.convert("RGB")
            elif kind not in ("L", "P", "1", "I;16"):
                raise ValueError(
                    f"its pixels are {kind}, and no numbers: name each class's colour in "
                    "dataset.colours={NAME: [red, green, blue]}"
                )
            if shown.size != (size[1], size[0]):
                shown = ImageOps.fit(shown, (size[1], size[0]), Image.Resampling.NEAREST)
            values = np.asarray(shown).astype(np.int64)
    except TooLargeError:
        raise
    except Exception as fault:
        raise ValueError(f"{path} cannot be read as a mask ({fault}).") from fault
    if reading.table:
        return _by_colour(values, path, reading)
    values[np.isin(values, reading.void)] = -1
    return torch.from_numpy(values)


def _by_colour(values: np.ndarray, path: str | Path, reading: Reading) -> Tensor:
    codes, place = np.unique(
        (values[..., 0] << 16) + (values[..., 1] << 8) + values[..., 2], return_inverse=True
    )
    unknown = [code for code in codes.tolist() if code not in reading.table]
    if unknown:
        code = unknown[0]
        more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise ValueError(
            f"{path} has the colour [{code >> 16}, {code >> 8 & 255}, {code & 255}], which "
            f"dataset.colours does not name{more}: "
            f"a colour called {VOID} does not count."
        )
    classes = np.array([reading.table[code] for code in codes.tolist()], np.int64)
    return torch.from_numpy(classes[place.reshape(values.shape[:2])])
