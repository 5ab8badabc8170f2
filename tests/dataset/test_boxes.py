"""Random rectangles: in law as torchvision's, and cut out as it does."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import InterpolationMode, RandomErasing, RandomResizedCrop
from torchvision.transforms import functional as tv

from kdrun.dataset import boxes

MANY = 4000
INDEX = torch.arange(MANY)


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest distance between two distribution functions (Kolmogorov, Smirnov)."""
    places = torch.cat([one, other]).sort()[0]
    first, second = (torch.searchsorted(x.sort()[0], places, right=True) for x in (one, other))
    return float((first / len(one) - second / len(other)).abs().max())


LIMIT = 1.95 * (2 / MANY) ** 0.5
"""One in a thousand pairs of equal laws is farther apart."""


@pytest.mark.parametrize("size", [(32, 32), (40, 90)])
def test_crops_are_in_law_those_of_torchvision(size: tuple[int, int]) -> None:
    image = torch.zeros(1, *size)
    torch.manual_seed(0)
    scale, ratio = (0.08, 1.0), (3 / 4, 4 / 3)
    theirs = torch.tensor(
        [RandomResizedCrop.get_params(image, [*scale], [*ratio]) for _ in range(MANY)]
    )
    own = boxes.crops(boxes.draws(0, 0, INDEX, "x"), *size, 0.08, 4 / 3)
    for column in range(4):
        assert apart(own[:, column].float(), theirs[:, column].float()) < LIMIT
    for found in (own, theirs):
        found[:, 2] *= found[:, 3]
    assert apart(own[:, 2].float(), theirs[:, 2].float()) < LIMIT
    other = boxes.crops(boxes.draws(0, 0, INDEX, "x"), *size, 0.3, 4 / 3)
    assert apart((other[:, 2] * other[:, 3]).float(), theirs[:, 2].float()) > LIMIT


def test_where_nothing_fits_the_middle_is_taken() -> None:
    for size in ((10, 100), (100, 10)):
        found = boxes.crops(torch.zeros(1, 22).double(), *size, 1.0, 4 / 3)
        image = torch.zeros(1, *size)
        assert found[0].tolist() == [
            *RandomResizedCrop.get_params(image, [1.0, 1.0], [3 / 4, 4 / 3])
        ]


@pytest.mark.parametrize("times", [1, 6])
def test_a_crop_is_resized_as_torchvision_does(times: int) -> None:
    images = torch.rand(3, 3, 12 * times, 16 * times)
    rectangles = torch.tensor([[0, 0, 12, 16], [3, 2, 5, 7], [11, 15, 1, 1]]) * times
    found = boxes.stretched(images, rectangles, "bilinear")
    for image, box, cut in zip(images, rectangles.tolist(), found, strict=True):
        expected = tv.resized_crop(
            image, *box, [12 * times, 16 * times], InterpolationMode.BILINEAR, True
        )
        torch.testing.assert_close(cut, expected, atol=1e-5, rtol=0)
    assert torch.equal(boxes.stretched(images, rectangles, "nearest")[0], images[0])


def test_what_is_erased_is_in_law_that_of_torchvision() -> None:
    torch.manual_seed(0)
    eraser, white = RandomErasing(p=1.0), torch.ones(1, 24, 30)
    theirs = torch.stack([eraser(white)[0] == 0 for _ in range(MANY)])
    all_of = torch.ones(MANY, dtype=torch.bool)
    own = boxes.erased(boxes.draws(0, 0, INDEX, "y"), all_of, 24, 30)
    for what in ((1, 2), (1,), (2,)):
        mine, its = (x.float().amax(1) if what == (1,) else x.float() for x in (own, theirs))
        mine, its = (x.flatten(1).sum(1) for x in (mine, its))
        assert apart(mine, its) < LIMIT
    assert (own.float().mean(0) - theirs.float().mean(0)).abs().max() < 0.05
    none = boxes.erased(boxes.draws(0, 0, INDEX, "y"), ~all_of, 24, 30)
    assert not none.any()
