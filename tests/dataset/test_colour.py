"""Colours are changed as torchvision changes them."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import functional as tv

from kdrun.dataset import colour

IMAGES = torch.rand(5, 3, 6, 7, generator=torch.Generator().manual_seed(0))
IMAGES[4, :] = IMAGES[4, :1]  # grey
FACTORS = torch.tensor([0.0, 0.4, 1.0, 1.3, 1.9])


def each(change: object, factors: torch.Tensor = FACTORS) -> torch.Tensor:
    return torch.stack([change(i, float(f)) for i, f in zip(IMAGES, factors, strict=True)])  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("brightness", tv.adjust_brightness),
        ("contrast", tv.adjust_contrast),
        ("saturation", tv.adjust_saturation),
    ],
)
def test_a_blend_is_torchvisions(name: str, theirs: object) -> None:
    found = colour.blend(IMAGES, colour._towards(name, IMAGES), FACTORS)
    torch.testing.assert_close(found, each(theirs), atol=1e-5, rtol=0)


def test_a_turn_of_the_hue_is_torchvisions() -> None:
    turns = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.45])
    found = colour.shifted_hue(IMAGES, turns)
    torch.testing.assert_close(found, each(tv.adjust_hue, turns), atol=1e-5, rtol=0)


def test_jitter_is_each_change_once_with_factors_from_the_whole_range_in_any_order() -> None:
    index = torch.arange(3000)
    dark = torch.full((3000, 3, 1, 1), 0.25)
    factor = colour.jittered(dark, index, 0, 0, 0.4, 0, 0, 0)[:, 0, 0, 0] / 0.25
    assert 0.6 <= float(factor.min()) < 0.61
    assert 1.39 < float(factor.max()) <= 1.4 + 1e-5
    assert float(factor.mean()) == pytest.approx(1, abs=0.02)
    image = IMAGES[:1].expand(2, -1, -1, -1)
    orders = {}
    for n in range(40):
        drawn = torch.tensor([n, n])
        found = colour.jittered(image, drawn, 0, 0, 0.4, 0.4, 0, 0)[0]
        b, c = (
            0.6 + 0.8 * float(colour.uniform(0, 0, drawn[:1], name))
            for name in ("brightness", "contrast")
        )
        one = tv.adjust_contrast(tv.adjust_brightness(IMAGES[0], b), c)
        other = tv.adjust_brightness(tv.adjust_contrast(IMAGES[0], c), b)
        which = [bool(torch.allclose(found, x, atol=1e-5)) for x in (one, other)]
        assert any(which)
        orders[which[0]] = True
    assert orders == {True: True, False: True}


def test_grey_pictures_have_no_saturation() -> None:
    grey = IMAGES[:, :1]
    assert torch.equal(colour.jittered(grey, torch.arange(5), 0, 0, 0, 0, 0.5, 0.5), grey)
