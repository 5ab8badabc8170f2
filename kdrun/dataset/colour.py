"""The colours of whole batches of pictures, each changed by a factor of its own.

Pictures are (N, C, H, W) float in [0, 1], in grey or RGB; factors are (N,). The formulas are those
of torchvision's `adjust_brightness` and its kin.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.dataset.random import Keys, uniform

WEIGHTS = (0.2989, 0.587, 0.114)
"""Of red, green and blue in grey."""


def grey(images: Tensor) -> Tensor:
    """(N, 1, H, W) luma."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue)[:, None]


def mean_grey(images: Tensor) -> Tensor:
    """(N, 1, 1, 1) mean luma."""
    return grey(images).flatten(1).mean(1).view(-1, 1, 1, 1)


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """So much of a picture, and the rest of another one: more than the picture beyond 1."""
    share = factor.view(-1, 1, 1, 1)
    return (share * images).add_((1 - share) * other).clamp_(0, 1)


def shifted_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Hues turned by (N,) shares of the circle, between -0.5 and 0.5; grey ones stay.

    Args:
        images: in RGB.
        turn: how far.
    """
    most, least = images.amax(1), images.amin(1)
    spread = most - least
    plain = spread == 0
    saturation = spread / torch.where(plain, 1, most)
    over = torch.where(plain, 1, spread)
    red, green, blue = ((most - one) / over for one in images.unbind(1))
    is_red = images[:, 0] == most
    is_green = (images[:, 1] == most) & ~is_red
    hue = torch.where(is_red, blue - green, torch.where(is_green, 2 + red - blue, 4 + green - red))
    hue = (hue / 6 + 1 + turn.view(-1, 1, 1)) % 1
    # Back: https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative
    parts = []
    for place in (5, 3, 1):
        k = (place + hue * 6) % 6
        parts.append(most - most * saturation * k.minimum(4 - k).clamp(0, 1))
    return torch.stack(parts, 1)


def jittered(
    images: Tensor,
    index: Tensor,
    epoch: int | Keys,
    seed: int,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
) -> Tensor:
    """Colour jitter, in law as torchvision's: each change by a random factor, in a random order.

    Args:
        images: see above.
        index: (N,) positions of the pictures.
        epoch: of the training.
        seed: of the views.
        brightness: factors are between 1 - brightness and 1 + brightness, and not below 0.
        contrast: likewise.
        saturation: likewise; nothing in grey pictures.
        hue: turns are between -hue and hue of the circle; likewise.
    """
    amounts = {"brightness": brightness, "contrast": contrast}
    if images.shape[1] == 3:
        amounts |= {"saturation": saturation, "hue": hue}
    names = [name for name, amount in amounts.items() if amount]
    if not names:
        return images
    drawn = {name: uniform(seed, epoch, index, name) for name in names}
    ranks = torch.stack([uniform(seed, epoch, index, f"{name} order") for name in names], 1)
    order = ranks.argsort(dim=1, stable=True)
    for step in range(len(names)):
        is_now = {name: order[:, step] == place for place, name in enumerate(names)}
        if "hue" in names and wanted(is_now["hue"]):
            turned = shifted_hue(images, (drawn["hue"] * 2 - 1) * hue)
            images = torch.where(is_now["hue"].view(-1, 1, 1, 1), turned, images)
        images = blend(images, *_blended(images, is_now, amounts, drawn))
    return images


def wanted(chosen: Tensor) -> bool:
    """Whether something is to be done for any picture; a GPU is not asked, and does it."""
    return chosen.is_cuda or bool(chosen.any())


def _blended(
    images: Tensor, is_now: dict[str, Tensor], amounts: dict[str, float], drawn: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """What each picture is blended with, and (N,) how much of itself stays."""
    factor = torch.ones(len(images), dtype=images.dtype, device=images.device)
    other = torch.zeros((), dtype=images.dtype, device=images.device)
    for name, chosen in is_now.items():
        if name == "hue" or not wanted(chosen):
            continue
        low = max(0.0, 1 - amounts[name])
        factor = torch.where(chosen, low + drawn[name] * (1 + amounts[name] - low), factor)
        if name != "brightness":
            other = torch.where(chosen.view(-1, 1, 1, 1), _towards(name, images), other)
    return other, factor


def _towards(name: str, images: Tensor) -> Tensor:
    """What a picture without any of this would be."""
    if name == "brightness":
        return torch.zeros_like(images[:, :1])
    return mean_grey(images) if name == "contrast" else grey(images)
