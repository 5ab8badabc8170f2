"""Whether a file that reads pixels makes of pictures what Pillow makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from kdrun.dataset.arrays import Array
from kdrun.dataset.arrow import opened
from kdrun.dataset.image import Fit, fit_image
from kdrun.export.check import TOLERANCE
from kdrun.export.differs import DiffersError
from kdrun.export.pixels import INPUT
from kdrun.export.student import Exported

if TYPE_CHECKING:
    from PIL import Image

LEVELS = {"bilinear": 2, "bicubic": 24}
"""Of 255, by which a pixel may differ. Whole numbers are rounded twice; and a cubic filter
overshoots, which is cut off after each side, in Pillow 13 the other one first in some pictures."""

MEAN = 0.5
"""Levels by which pixels may differ on average."""

SIZES = ((1.0, 1.0), (1.5, 2.25), (3.1, 1.7), (0.6, 0.8))
"""In how many times its own height and width each picture is shown."""

PICTURES = 3


def pictures(student: Exported) -> Iterator[Image.Image]:
    """Pictures that the student was trained on, upright and in its colours, of several sizes."""
    from PIL import Image, ImageOps

    for file in student.files[:PICTURES]:
        with Image.open(opened(file)[0]) as image:
            yield from _sizes(ImageOps.exif_transpose(image).convert(_mode(student)))
    if not student.files:
        assert isinstance(student.samples, torch.Tensor)
        levels = (student.samples[:PICTURES] * 255).round().byte().permute(0, 2, 3, 1)
        for level in levels.numpy():
            yield from _sizes(Image.fromarray(level[..., 0] if level.shape[2] == 1 else level))


def _mode(student: Exported) -> str:
    return "L" if student.header["shape"][0] == 1 else "RGB"


def _sizes(whole: Image.Image) -> Iterator[Image.Image]:
    from PIL import Image

    for high, wide in SIZES:
        size = (max(2, int(whole.width * wide)), max(2, int(whole.height * high)))
        yield whole.resize(size, Image.Resampling.BICUBIC) if size != whole.size else whole


class Seen(NamedTuple):
    """What was found of some pictures.

    Attributes:
        levels: of 255, by which a pixel differs at most.
        mean: by which they differ on average, of the worst picture.
        share: of the pixels that differ at all.
        rounding: by how much the file's answers differ from the student's of the same pixels, of
            the largest answer.
        answers: by how much they differ from those of Pillow's pixels.
        sizes: of the pictures, width and height.
    """

    levels: float
    mean: float
    share: float
    rounding: float
    answers: float
    sizes: set[tuple[int, int]]


def seen(student: Exported, steps: Any, whole: Any, layout: str) -> Seen:
    """Hold what the steps make beside what Pillow makes, and the answers beside the student's.

    Args:
        student: who is right.
        steps: a session of onnxruntime over the steps alone, from pixels to pixels.
        whole: one over the whole file.
        layout: `nhwc` or `nchw`.
    """
    fit, (channels, height, width) = Fit.of(student.reader), student.header["shape"]
    found = []
    for picture in pictures(student):
        level: Array = np.asarray(picture).reshape(picture.height, picture.width, channels)
        turned = level if layout == "nhwc" else level.transpose(2, 0, 1)
        given = {INPUT: np.ascontiguousarray(turned)[None]}
        brought = fit_image(picture, (channels, height, width), *fit)
        wanted = brought.permute(2, 0, 1)[None].float() / 255
        made = torch.from_numpy(steps.run(None, given)[0])
        apart = (255 * (made - wanted)).round().abs()
        with torch.no_grad():
            own, by_pillow = student.network(made), student.network(wanted)
        said = torch.from_numpy(whole.run(None, given)[0])
        largest = max(1.0, own.abs().max().item())
        found.append(
            (
                apart.max().item(),
                apart.mean().item(),
                (apart > 0).float().mean().item(),
                (said - own).abs().max().item() / largest,
                (said - by_pillow).abs().max().item(),
            )
        )
    levels, mean, share, rounding, answers = map(max, zip(*found, strict=True))
    return Seen(levels, mean, share, rounding, answers, {one.size for one in pictures(student)})


def told(found: Seen, filtered: str) -> str:
    """What was found, in words.

    Args:
        found: as above.
        filtered: by which the pictures were resized.

    Raises:
        DiffersError: it is more than rounding explains.
    """
    small, large = min(found.sizes, key=prod), max(found.sizes, key=prod)
    said = (
        f"from pixels, in {len(found.sizes)} sizes from {small[0]}x{small[1]} to "
        f"{large[0]}x{large[1]}, {100 * found.share:.2g} % differ from Pillow's at most, by "
        f"{found.levels:.0f} of 255 levels, and the answers by {found.answers:.1e}"
    )
    if not (found.levels <= LEVELS[filtered] and found.mean <= MEAN):
        most = f"{LEVELS[filtered]} levels, {MEAN} on average"
        raise DiffersError(f"{said}; rounding explains {most}: nothing is written")
    if not found.rounding <= TOLERANCE:
        raise DiffersError(f"{said}; of the same pixels it says something else: nothing is written")
    return said
