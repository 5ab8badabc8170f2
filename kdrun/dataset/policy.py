"""RandAugment and TrivialAugment for whole batches: each picture has operations of its own.

The fourteen operations, their ranges and how they are drawn are torchvision's `RandAugment` and
`TrivialAugmentWide`; what moves pixels takes the nearest one, and black from outside.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.dataset.colour import blend, grey, mean_grey, wanted
from kdrun.dataset.random import Keys, integers

Policy = Literal["none", "rand", "trivial"]

OPERATIONS = (
    *("identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate"),
    *("brightness", "color", "contrast", "sharpness"),
    *("posterize", "solarize", "autocontrast", "equalize"),
)
"""All are equally likely."""

SIGNED = OPERATIONS[1:10]
"""Of these the strength is as often negative."""

LEVELS = 30
"""Strengths go from 0 to this."""


def strengths(policy: Policy, operation: str, level: Tensor, height: int, width: int) -> Tensor:
    """(N,) how strong an operation is at a level from 0 to 30.

    Args:
        policy: rand or trivial, whose ranges differ.
        operation: of `OPERATIONS`.
        level: (N,) of each picture.
        height: of the pictures.
        width: likewise.
    """
    wide = policy == "trivial"
    share = level / LEVELS
    if operation == "posterize":
        return 8 - (level / (LEVELS / (6 if wide else 4))).round()
    if operation == "solarize":
        return 255 * (1 - share)
    most = {
        "shear_x": 0.99 if wide else 0.3,
        "shear_y": 0.99 if wide else 0.3,
        "translate_x": 32.0 if wide else 150 / 331 * width,
        "translate_y": 32.0 if wide else 150 / 331 * height,
        "rotate": 135.0 if wide else 30.0,
    }
    return share * most.get(operation, 0.99 if wide else 0.9)


def applied(
    images: Tensor,
    index: Tensor,
    epoch: int | Keys,
    seed: int,
    policy: Policy,
    count: int,
    level: int,
) -> Tensor:
    """Pictures after the operations that are drawn for each.

    Cubuk et al., 2020 (rand), https://arxiv.org/abs/1909.13719; Müller, Hutter, 2021 (trivial),
    https://arxiv.org/abs/2103.10158

    Args:
        images: (N, C, H, W) float in [0, 1].
        index: (N,) positions of the pictures.
        epoch: of the training.
        seed: of the views.
        policy: rand has `count` operations of one `level`; trivial has one, of a random level.
        count: how many, one after the other.
        level: from 0 to 30.
    """
    for turn in range(count if policy == "rand" else 1):
        which = integers(seed, epoch, index, f"policy {turn}", len(OPERATIONS))
        positive = integers(seed, epoch, index, f"policy sign {turn}", 2).bool()
        if policy == "rand":
            levels = torch.full_like(which, level)
        else:
            levels = integers(seed, epoch, index, f"policy level {turn}", LEVELS + 1)
        images = operated(images, which, levels.double(), positive, policy)
    return images


def operated(
    images: Tensor, which: Tensor, level: Tensor, positive: Tensor, policy: Policy
) -> Tensor:
    """One operation on each picture.

    Args:
        images: (N, C, H, W) float in [0, 1].
        which: (N,) its place in `OPERATIONS`.
        level: (N,) from 0 to 30.
        positive: (N,) bool, whether a signed strength is not negated.
        policy: rand or trivial.
    """
    height, width = images.shape[2:]
    chosen = {name: which == place for place, name in enumerate(OPERATIONS)}
    strong = {name: strengths(policy, name, level, height, width) for name in OPERATIONS}
    for name in SIGNED:
        strong[name] = torch.where(positive, strong[name], -strong[name])
    if wanted(_of(chosen, *OPERATIONS[1:6])):
        images = torch.where(_of(chosen, *OPERATIONS[1:6]), _moved(images, chosen, strong), images)
    if wanted(_of(chosen, *OPERATIONS[6:10])):
        made = _blended(images, chosen, strong)
        images = torch.where(_of(chosen, *OPERATIONS[6:10]), made, images)
    if wanted(chosen["posterize"]):
        bits = torch.where(chosen["posterize"], strong["posterize"], 8.0).to(images.dtype)
        images = torch.where(_of(chosen, "posterize"), posterized(images, bits), images)
    if wanted(chosen["solarize"]):
        bright = images * 255 >= _column(strong["solarize"].to(images.dtype)) - 1e-3
        images = torch.where(_of(chosen, "solarize") & bright, 1 - images, images)
    if wanted(chosen["autocontrast"]):
        images = torch.where(_of(chosen, "autocontrast"), autocontrasted(images), images)
    if wanted(chosen["equalize"]):
        images = torch.where(_of(chosen, "equalize"), equalized(images), images)
    return images


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _of(chosen: dict[str, Tensor], *names: str) -> Tensor:
    """(N, 1, 1, 1) whether a picture has one of these operations."""
    found = torch.zeros_like(chosen[names[0]])
    for name in names:
        found = found | chosen[name]
    return _column(found)


def _moved(images: Tensor, chosen: dict[str, Tensor], strong: dict[str, Tensor]) -> Tensor:
    """Shear, translation and rotation, whichever each picture has."""
    height, width = images.shape[2:]

    def amount(name: str) -> Tensor:
        return torch.where(chosen[name], strong[name], 0.0).view(-1, 1, 1)

    # From the corner for shear, from the middle for rotation; both hold for one picture only.
    y = torch.arange(height, device=images.device).double()[None, :, None] + 0.5
    x = torch.arange(width, device=images.device).double()[None, None, :] + 0.5
    angle = amount("rotate") * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    from_x, from_y = x - width / 2, y - height / 2
    across = cos * from_x - sin * from_y + width / 2
    down = sin * from_x + cos * from_y + height / 2
    across = across + amount("shear_x") * y - amount("translate_x").trunc()
    down = down + amount("shear_y") * x - amount("translate_y").trunc()
    grid = torch.stack([across * (2 / width) - 1, down * (2 / height) - 1], 3)
    return F.grid_sample(images, grid.to(images.dtype), mode="nearest", align_corners=False)


def _blended(images: Tensor, chosen: dict[str, Tensor], strong: dict[str, Tensor]) -> Tensor:
    """Brightness, color, contrast and sharpness, whichever each picture has."""
    factor = torch.ones_like(strong["color"])
    other = torch.zeros((), dtype=images.dtype, device=images.device)
    towards = {"color": grey, "contrast": mean_grey, "sharpness": smoothed}
    for name in OPERATIONS[6:10]:
        if not wanted(chosen[name]):
            continue
        factor = torch.where(chosen[name], 1 + strong[name], factor)
        if name in towards:
            other = torch.where(_column(chosen[name]), towards[name](images), other)
    return blend(images, other, factor.to(images.dtype))


def smoothed(images: Tensor) -> Tensor:
    """Each pixel with a thirteenth of the eight around it, and five of itself; borders stay.

    By sums, since a convolution rounds differently for batches of other sizes.
    """
    height, width = images.shape[2:]
    if min(height, width) < 3:
        return images
    total = images[:, :, 1:-1, 1:-1] * 4
    for dy in range(3):
        for dx in range(3):
            total = total + images[:, :, dy : height - 2 + dy, dx : width - 2 + dx]
    made = images.clone()
    made[:, :, 1:-1, 1:-1] = total / 13
    return made


def posterized(images: Tensor, bits: Tensor) -> Tensor:
    """The upper (N,) bits of each byte."""
    step = _column(2 ** (8 - bits))
    return ((images * 255).round() / step).floor() * step / 255


def autocontrasted(images: Tensor) -> Tensor:
    """Each channel stretched from black to white; one of a single level stays."""
    least, most = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = least == most
    scale = 1 / torch.where(flat, 1, most - least)
    return ((images - torch.where(flat, 0, least)) * scale).clamp(0, 1)


def equalized(images: Tensor) -> Tensor:
    """Each channel with about as many pixels of every level, as Pillow's `ImageOps.equalize`."""
    count, channels, height, width = images.shape
    levels = (images * 255).round().long().clamp(0, 255).flatten(2).flatten(0, 1)
    found = torch.zeros(count * channels, 256, dtype=torch.long, device=images.device)
    found = found.scatter_add_(1, levels, torch.ones_like(levels))
    places = torch.arange(256, device=images.device)
    last = (torch.where(found > 0, places, 0)).amax(1, keepdim=True)
    step = (height * width - found.gather(1, last)) // 255
    table = (found.cumsum(1) - found + step // 2) // step.clamp(min=1)
    table = torch.where(step == 0, places, table.clamp(0, 255))
    made = table.gather(1, levels).to(images.dtype) / 255
    return made.view(count, channels, height, width)
