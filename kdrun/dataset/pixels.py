"""How much memory an image takes when it is decoded, known from its header."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdrun.security import bounds

if TYPE_CHECKING:
    from PIL import Image

OPAQUE, CLEAR, JPEG = 16, 24, 8
"""Bytes for a pixel: decoded, turned and converted; with what is behind transparent ones; of a
progressive JPEG, whose coefficients are all there before a small image is made of them."""

LARGE = 2**28
"""Bytes of which several threads at once would be too much."""

TILE = (322, 323)
"""Of TIFF, the tags that say how wide and long a tile is: it may be larger than the image."""

_one_at_a_time = threading.Lock()


def within_bounds(image: Image.Image, path: str | Path) -> AbstractContextManager[Any]:
    """Refuse an image that is too large, before it is decoded.

    Args:
        image: opened, and not yet decoded.
        path: of its file.

    Returns:
        To hold while it is decoded: of large ones there is one at a time.

    Raises:
        ValueError: it would take more memory than it may.
    """
    width, height = image.size
    clear = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    each = JPEG if image.format in ("JPEG", "MPO") else CLEAR if clear else OPAQUE
    tags = getattr(image, "tag_v2", None) or {}
    sides = [tags.get(tag, 1) for tag in TILE]
    tile = sides[0] * sides[1] if all(isinstance(side, int) for side in sides) else 0
    taken = each * max(width * height, tile)
    bounds.check(path, taken, f"{width:,} x {height:,} pixels")
    return _one_at_a_time if taken > LARGE else nullcontext()
