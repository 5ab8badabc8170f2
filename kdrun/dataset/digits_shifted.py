"""The digits of scikit-learn in several domains: as they are, and shifted in known ways."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.digits import read_digits
from kdrun.dataset.domains import Domain, Labels, check_names, combine
from kdrun.dataset.random import uniform
from kdrun.dataset.split import hold_out, select
from kdrun.types import Arrays, Dataset


def plain(images: Tensor) -> Tensor:
    """(N, 1, 8, 8) images in [0, 1] as they are."""
    return images


def faint(images: Tensor) -> Tensor:
    """Grey on grey: a photometric shift that is affine in every pixel."""
    return 0.3 + 0.4 * images


def inverted(images: Tensor) -> Tensor:
    """White on black instead of black on white."""
    return 1 - images


def noisy(images: Tensor) -> Tensor:
    """Each pixel up to 0.3 lighter or darker: more variance in directions that tell nothing."""
    noise = uniform(0, 0, torch.arange(images.numel()), "noise") * 2 - 1
    return (images + 0.3 * noise.view_as(images)).clamp(0, 1)


def rotated(images: Tensor, degrees: float = 20.0) -> Tensor:
    """Turned counterclockwise: a geometric shift."""
    angle = math.radians(degrees)
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]]
    )
    grid = F.affine_grid(turn.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def scanned(images: Tensor) -> Tensor:
    """Laid crooked on a bad scanner: turned by 10 degrees, then blurred, noisy and faint."""
    blur = torch.tensor([1.0, 2.0, 1.0]) / 4
    blurred = F.conv2d(rotated(images, 10.0), torch.outer(blur, blur)[None, None], padding=1)
    return faint(noisy(blurred))


SHIFTS = {shift.__name__: shift for shift in (plain, faint, inverted, noisy, rotated, scanned)}
"""The domains, by name."""


@with_cuts(test_fraction=0.2)
def digits_shifted(
    source: str | None = "plain",
    target: str = "scanned",
    labels: Labels = "all",
    *,
    cuts: Cuts,
) -> Dataset:
    """1,797 grey images of 8x8 pixels in 10 classes, half of them for the source.

    The halves share no image, so whatever is learnt from one tells nothing of a single image of
    the other. The target's half does not depend on which source there is, or whether there is one.

    Args:
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        ValueError: no such domain, or a fraction or size does not fit.
    """
    check_names(source, target, SHIFTS)
    whole = read_digits()
    assert isinstance(whole.inputs, Tensor)
    images, digits = whole.inputs.float() / 255, whole.targets
    others, own = hold_out(digits, 0.5, cuts.split_seed, "half")

    def domain(name: str, half: Tensor, cuts: Cuts) -> Domain:
        pixels = SHIFTS[name](images).mul(255).round().to(torch.uint8)
        shifted = select(Arrays(pixels, digits), half)
        classes = [str(digit) for digit in range(10)]
        return Domain(name, *cuts.divide(shifted), classes)

    return combine(
        domain(target, own, cuts),
        domain(source, others, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
    )
