"""Read images of any common kind into the shape that a model wants: only here one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdrun.config.nearest import nearest
from kdrun.dataset import boxes
from kdrun.dataset.arrow import opened
from kdrun.dataset.pixels import within_bounds
from kdrun.dataset.whole import laid_out
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
programs (EPS) or fetch more files: they are not asked."""

SUFFIXES = tuple(suffix for suffixes in KINDS.values() for suffix in suffixes)

WHITE = "white"
"""What is behind transparent pixels: paper."""

FILTERS = ("bilinear", "bicubic")
"""By which pictures are made larger or smaller."""


class Fit(NamedTuple):
    """How pictures of any size are brought to that of a model.

    Attributes:
        background: the colour on which transparent pixels are put: white, black, '#rrggbb'.
        crop_pct: as timm has it: the shorter side becomes the model's divided by this, and the
            middle is cut out; 1: the middle of the whole picture.
        interpolation: bilinear or bicubic.
    """

    background: str = WHITE
    crop_pct: float = 1.0
    interpolation: str = "bilinear"

    @classmethod
    def of(cls, reader: Mapping[str, Any] | None) -> Fit:
        """What `Dataset.reader` says of pictures.

        Raises:
            ValueError: it is malformed.
        """
        told = {key: value for key, value in (reader or {}).items() if key in cls._fields}
        found = cls(**told)
        found.check()
        return found

    def check(self) -> None:
        """Refuse what is none of these.

        Raises:
            ValueError: with what there is to say.
        """
        check_background(self.background)
        pct = self.crop_pct
        if isinstance(pct, bool) or not isinstance(pct, int | float) or not 0.1 <= pct <= 1:
            raise ValueError(f"dataset.crop_pct={pct}: give 0.1 to 1, 0.875 as timm does.")
        if self.interpolation not in FILTERS:
            hint = nearest(str(self.interpolation), FILTERS)
            raise ValueError(f"dataset.interpolation={self.interpolation} is not defined; {hint}")

    @property
    def told(self) -> dict[str, Any] | None:
        """For `Dataset.reader`: what is not as usual; None where all is."""
        usual = Fit()._asdict()
        return {k: v for k, v in self._asdict().items() if v != usual[k]} or None


class Crop(NamedTuple):
    """A random-resized crop of one picture.

    Attributes:
        drawn: (22,) of `boxes.draws`.
        least: as of `boxes.crops`.
        ratio: likewise.
    """

    drawn: Tensor
    least: float
    ratio: float

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in a picture of some size."""
        found = boxes.crops(self.drawn[None], height, width, self.least, self.ratio)
        top, left, high, wide = found[0].tolist()
        return left, top, left + wide, top + high


ORIENTATION = 0x0112
"""Of EXIF, the tag that says which side of a photograph was up."""

SIDEWAYS = (5, 6, 7, 8)
"""Values of it by which width and height change places."""


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


def read_image(
    path: str | Path,
    shape: tuple[int, int, int],
    background: str = WHITE,
    crop_pct: float = 1.0,
    interpolation: str = "bilinear",
    crop: Crop | None = None,
    whole: bool = False,
) -> Tensor:
    """Decode an image file; of one with several frames or pages, the first.

    Args:
        path: a file of one of `KINDS`, whatever its name says; or a `kdrun.dataset.arrow` address.
        shape: (channels, height, width) to bring it to, as `fit_image` does.
        background: as in `Fit`, as are the next two.
        crop_pct: read only without a crop.
        interpolation: likewise of both.
        crop: what of the picture is brought to this shape, in place of its middle.
        whole: as in `fit_image`; then there is no crop.

    Returns:
        (height, width, channels) uint8.

    Raises:
        ValueError: the file cannot be decoded, or would take too much memory; the message names it.
    """
    from PIL import Image, ImageOps

    source, file = opened(path)
    if not is_plain(file):
        raise ValueError(f"{path} is no plain file, and is not opened")
    Image.MAX_IMAGE_PIXELS = None  # `within_bounds` counts what they take
    try:
        with Image.open(source, formats=formats()) as image:
            if image.format == "TIFF" and image.mode == "I":
                raise ValueError("its 32-bit or signed numbers have no white: save 8 or 16 bits")
            limit = within_bounds(image, file)
            with limit:
                if crop is None:
                    _draft(image, shape, crop_pct, None)
                    upright = ImageOps.exif_transpose(image)
                    how = (background, crop_pct, interpolation, whole)
                    return fit_image(upright, shape, *how)
                turned = image.getexif().get(ORIENTATION, 1) in SIDEWAYS
                size = (image.height, image.width) if turned else image.size
                box = crop.box(*size)
                _draft(image, shape, 1.0, box)
                part = _cut(ImageOps.exif_transpose(image), box, size)
                return fit_image(part, shape, background, 0.0, interpolation)
    except TooLargeError:
        raise
    except Exception as fault:  # Pillow's decoders raise half a dozen kinds
        raise ValueError(
            f"{path} cannot be read as an image ({_why(fault)}). Repair or remove the file."
        ) from fault


def _draft(
    image: Image.Image,
    shape: tuple[int, int, int],
    crop_pct: float,
    box: tuple[int, int, int, int] | None,
) -> None:
    """Let a large JPEG be decoded at a fraction of its size, still twice what is needed."""
    channels, height, width = shape
    if box is None:
        needed = (int(2 * width / crop_pct), int(2 * height / crop_pct))
    else:  # at least, whichever of its sides was up
        scale = 2 * max(width / (box[2] - box[0]), height / (box[3] - box[1]))
        needed = (int(scale * image.width), int(scale * image.height))
    image.draft("L" if channels == 1 else "RGB", needed)


def _cut(image: Image.Image, box: tuple[int, int, int, int], whole: tuple[int, int]) -> Image.Image:
    """A rectangle of an image that may have been decoded smaller than the `whole` of the box."""
    across, down = (side / full for side, full in zip(image.size, whole, strict=True))
    left, top, right, bottom = (round(v * s) for v, s in zip(box, (across, down) * 2, strict=True))
    left, top = min(left, image.width - 1), min(top, image.height - 1)
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def fit_image(
    image: Image.Image,
    shape: tuple[int, int, int],
    background: str = WHITE,
    crop_pct: float = 1.0,
    interpolation: str = "bilinear",
    whole: bool = False,
) -> Tensor:
    """Convert a Pillow image to grey or RGB, cut its centre to the aspect ratio and resize it.

    Args:
        image: of any mode of whole numbers; 16 bits become 8.
        shape: (channels, height, width), with 1 or 3 channels.
        background: the colour on which transparent pixels are put, as Pillow writes it.
        crop_pct: as in `Fit`; 0: nothing is cut off, whatever that does to its proportions.
        interpolation: likewise.
        whole: nothing is cut off; the image stands at the upper left, with black beside it.

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
    filtered = Image.Resampling[interpolation.upper()]
    if whole:
        image = laid_out(image, width, height, filtered)
    elif not crop_pct:
        image = image.resize((width, height), filtered)
    elif crop_pct < 1:
        image = _centre(image, width, height, crop_pct, filtered)
    elif image.size != (width, height):
        image = ImageOps.fit(image, (width, height), filtered)
    return torch.from_numpy(np.array(image)).view(height, width, channels)


def _centre(
    image: Image.Image, width: int, height: int, crop_pct: float, filtered: Image.Resampling
) -> Image.Image:
    """As timm's transform for tests: resized so that a little more than is needed is left, and cut.

    The numbers are rounded as torchvision's `Resize` and `CenterCrop` do.
    """
    from PIL import ImageOps

    if width != height:
        return ImageOps.fit(image, (width, height), filtered, bleed=(1 - crop_pct) / 2)
    short, long = sorted(image.size)
    side = int(width / crop_pct)
    other = int(side * long / short)
    size = (side, other) if image.width <= image.height else (other, side)
    image = image.resize(size, filtered)
    left, top = (round((length - width) / 2.0) for length in image.size)
    return image.crop((left, top, left + width, top + height))


def check_background(background: str) -> None:
    """Refuse what is no colour, by a ValueError that says what is one."""
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
