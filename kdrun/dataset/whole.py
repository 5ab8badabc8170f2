"""Pictures brought to a size as a whole, with black beside them where its sides are others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def scaled_within(own: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of an image that is brought into a size as a whole.

    Args:
        own: its height and width.
        size: those that it has to fit in.
    """
    scale = min(size[0] / own[0], size[1] / own[1])
    return max(1, round(own[0] * scale)), max(1, round(own[1] * scale))


def laid_out(
    image: Image.Image, width: int, height: int, filtered: Image.Resampling
) -> Image.Image:
    """An image at the upper left of a black one.

    Args:
        image: of any size.
        width: of the black one.
        height: likewise.
        filtered: how it is made larger or smaller.
    """
    from PIL import Image

    high, wide = scaled_within((image.height, image.width), (height, width))
    inside = image if image.size == (wide, high) else image.resize((wide, high), filtered)
    if inside.size == (width, height):
        return inside
    black = Image.new(image.mode, (width, height))
    black.paste(inside, (0, 0))
    return black
