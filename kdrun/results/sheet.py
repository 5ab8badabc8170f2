"""A table of pictures, with a head for each column and a line below each picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image

LEAST, MOST = 96, 224
"""Pixels of a picture's longer side on the sheet."""

LINE, GAP = 14, 6
"""Pixels of a line of text, and between pictures."""


Cell = tuple[Tensor, str]
"""(H, W, 3) uint8 and what stands below it."""


def drawn(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Image.Image:
    """A table of pictures, with a head for each column and a line below each picture.

    Args:
        heads: of the columns.
        rows: as many cells each, all pictures of one size.
    """
    from PIL import Image, ImageDraw

    height, width = rows[0][0][0].shape[:2]
    longest = max(height, width)
    scale = max(1, -(-LEAST // longest)) if longest < LEAST else min(1.0, MOST / longest)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    whole = (GAP + len(heads) * (wide + GAP), LINE + GAP + len(rows) * (high + LINE + GAP))
    page = Image.new("RGB", whole, "white")
    pen = ImageDraw.Draw(page)
    kind = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BILINEAR
    for column, head in enumerate(heads):
        left = GAP + column * (wide + GAP)
        _write(pen, left, GAP // 2, head, wide)
        for line, row in enumerate(rows):
            picture, name = row[column]
            top = LINE + GAP + line * (high + LINE + GAP)
            made = Image.fromarray(np.ascontiguousarray(picture.numpy())).resize((wide, high), kind)
            page.paste(made, (left, top))
            _write(pen, left, top + high, name, wide)
    return page


def _write(pen: Any, left: int, top: int, text: str, width: int) -> None:
    """As much of a text as there is room for."""
    shown = text.encode("latin-1", "replace").decode("latin-1")
    while shown and pen.textlength(shown) > width:
        shown = shown[:-2] + "." if len(shown) > 2 else ""
    pen.text((left, top), shown, fill="black")
