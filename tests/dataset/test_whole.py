from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from kdrun.dataset.image import fit_image
from kdrun.dataset.whole import laid_out, scaled_within


@pytest.mark.parametrize(
    ("own", "size", "found"),
    [
        ((240, 320), (120, 160), (120, 160)),
        ((240, 320), (120, 120), (90, 120)),
        ((320, 240), (120, 120), (120, 90)),
        ((10, 20), (40, 40), (20, 40)),
        ((1, 500), (32, 32), (1, 32)),
    ],
)
def test_the_proportions_stay(
    own: tuple[int, int], size: tuple[int, int], found: tuple[int, int]
) -> None:
    assert scaled_within(own, size) == found


def test_black_is_beside_it_and_nothing_is_cut_off() -> None:
    white = Image.new("RGB", (40, 20), (255, 255, 255))
    image = np.asarray(laid_out(white, 30, 30, Image.Resampling.BILINEAR))
    assert (image[:15] == 255).all()
    assert (image[15:] == 0).all()
    whole = fit_image(white, (3, 30, 30), whole=True)
    assert torch.equal(whole, torch.from_numpy(image.copy()))
    assert bool((fit_image(white, (3, 30, 30)) == 255).all())
