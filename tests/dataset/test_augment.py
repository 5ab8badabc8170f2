from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from kdrun.dataset.augment import Augment, to_float
from kdrun.types import Arrays

SHAPES = st.tuples(st.integers(1, 6), st.sampled_from([1, 3]), st.integers(3, 9), st.integers(3, 9))


def random_images(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def positions(count: int) -> torch.Tensor:
    return torch.arange(count) * 7 + 3


EVERYTHING = Augment(crop_padding=2, crop_mode="reflect", flip=True, rotate=20, scale=0.2, cutout=3)
OPTIONS = [
    Augment(),
    Augment(flip=True),
    Augment(crop_padding=2),
    Augment(crop_padding=2, crop_mode="reflect"),
    Augment(crop_padding=1, flip=True),
    Augment(rotate=30, scale=0.3),
    Augment(cutout=4),
    EVERYTHING,
]


@pytest.mark.parametrize("augment", OPTIONS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_happens_to_a_sample_depends_on_nothing_around_it(
    augment: Augment, channels: int
) -> None:
    images, index = random_images((13, channels, 7, 6)), positions(13)
    together = augment(images, index, 5, 1)
    assert torch.equal(together, augment(images, index, 5, 1))
    for part in (torch.arange(3), torch.arange(12, -1, -1), torch.tensor([4])):
        assert torch.equal(augment(images[part], index[part], 5, 1), together[part])
    channels_last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(augment(channels_last, index, 5, 1), together)
    assert together.dtype == torch.float32
    assert 0 <= float(together.min()) <= float(together.max()) <= 1


@pytest.mark.parametrize("augment", OPTIONS[1:], ids=str)
def test_epochs_and_seeds_differ(augment: Augment) -> None:
    images, index = random_images((13, 3, 8, 8)), positions(13)
    first = augment(images, index, 0, 0)
    assert not torch.equal(first, augment(images, index, 1, 0))
    assert not torch.equal(first, augment(images, index, 0, 1))


def test_without_options_images_are_only_scaled() -> None:
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    expected = torch.arange(256).view(1, 1, 16, 16) / 255
    assert torch.equal(Augment()(images, positions(1), 0, 0), expected)


@given(SHAPES, st.integers(1, 2), st.sampled_from(["zeros", "reflect"]), st.integers(0, 99))
def test_a_crop_is_a_window_of_the_padded_image(
    shape: tuple[int, int, int, int], padding: int, mode: Any, seed: int
) -> None:
    images = random_images(shape)
    found = Augment(crop_padding=padding, crop_mode=mode)(images, positions(shape[0]), 0, seed)
    how = "constant" if mode == "zeros" else "reflect"
    padded = F.pad(to_float(images), (padding,) * 4, how)
    height, width = shape[2:]
    for image, crop in zip(padded, found, strict=True):
        windows = image.unfold(1, height, 1).unfold(2, width, 1)  # (C, 2p + 1, 2p + 1, H, W)
        same = (windows == crop[:, None, None]).all(-1).all(-1).all(0)
        assert same.any()


@given(SHAPES, st.integers(0, 99))
def test_a_flip_undoes_itself_and_keeps_the_rest(
    shape: tuple[int, int, int, int], seed: int
) -> None:
    images, index, flip = random_images(shape), positions(shape[0]), Augment(flip=True)
    once = flip(images, index, 0, seed)
    for image, found in zip(to_float(images), once, strict=True):
        assert torch.equal(found, image) or torch.equal(found, image.flip(2))
    again = flip((once * 255).round().to(torch.uint8), index, 0, seed)
    assert torch.equal(again, to_float(images))


def test_half_of_the_images_are_flipped_and_each_shift_is_as_frequent() -> None:
    dot = torch.zeros(9000, 1, 5, 5, dtype=torch.uint8)
    dot[:, 0, 2, 1] = 255  # left of the centre
    index = torch.arange(9000)
    flipped = Augment(flip=True)(dot, index, 0, 0)[:, 0, 2, 3].sum()
    assert abs(float(flipped) - 4500) < 3 * math.sqrt(9000 / 4)
    places = Augment(crop_padding=1)(dot, index, 0, 0).sum(0)[0, 1:4, 0:3]
    assert float(places.sum()) == 9000
    assert bool(((places - 1000).abs() < 4 * math.sqrt(1000)).all())


def test_one_option_does_not_change_what_another_draws() -> None:
    images, index = random_images((20, 3, 8, 8)), positions(20)
    crops = Augment(crop_padding=2)(images, index, 0, 0)
    cut = Augment(crop_padding=2, cutout=2)(images, index, 0, 0)
    kept = cut != 0
    assert torch.equal(cut[kept], crops[kept])


@given(SHAPES, st.integers(1, 8), st.integers(0, 99))
def test_cutout_blackens_a_square_that_may_reach_over_the_border(
    shape: tuple[int, int, int, int], side: int, seed: int
) -> None:
    images = torch.full(shape, 255, dtype=torch.uint8)
    found = Augment(cutout=side)(images, positions(shape[0]), 0, seed)
    for image in found:
        black = (image == 0).all(0)
        assert bool(((image == 1).all(0) | black).all())
        rows, columns = black.any(1), black.any(0)
        assert torch.equal(black, rows[:, None] & columns)
        for hit, length in ((rows, shape[2]), (columns, shape[3])):
            where = hit.nonzero().flatten()
            assert (side + 1) // 2 <= len(where) <= side or len(where) == length or side > length
            assert len(where) == int(where[-1] - where[0]) + 1


def test_rotation_and_scale_are_those_of_affine_grid() -> None:
    images, index = random_images((9, 3, 8, 8)), positions(9)
    augment = Augment(rotate=25, scale=0.2)
    found = augment(images, index, 2, 3)
    from kdrun.dataset.random import uniform

    for n in range(9):
        angle = math.radians(25) * (2 * float(uniform(3, 2, index[n : n + 1], "rotate")) - 1)
        zoom = 1 + 0.2 * (2 * float(uniform(3, 2, index[n : n + 1], "scale")) - 1)
        matrix = [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]]
        grid = F.affine_grid(torch.tensor([matrix]) / zoom, [1, 3, 8, 8], align_corners=False)
        expected = F.grid_sample(to_float(images[n : n + 1]), grid, align_corners=False)
        torch.testing.assert_close(found[n : n + 1], expected, atol=1e-5, rtol=0)


def test_mixup_mixes_images_and_labels_by_the_same_weights() -> None:
    augment, index = Augment(mixup=0.4), positions(50)
    ones = torch.cat([torch.ones(50, 1, 2, 2), torch.zeros(50, 1, 2, 2)])
    weights = augment.mix(ones, index, 0, 0)
    labels = augment.mix(ones[:, 0, 0], index, 0, 0)
    assert torch.equal(weights[:, 0, 0], labels)
    assert 0 <= float(weights.min()) < float(weights.max()) <= 1


def test_mixup_weights_have_the_moments_of_the_beta_distribution() -> None:
    alpha, index = 0.4, torch.arange(50_000)
    pairs = torch.cat([torch.ones(50_000), torch.zeros(50_000)])
    weights = Augment(mixup=alpha).mix(pairs, index, 0, 0)
    assert float(weights.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(weights.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"crop_padding": -1}, "crop_padding=-1"),
        ({"rotate": math.nan}, "rotate=nan"),
        ({"scale": 1.0}, "scale=1.0"),
        ({"crop_mode": "reflct"}, "did you mean 'reflect'"),
    ],
)
def test_impossible_options_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Augment(**options)


def test_a_padding_larger_than_the_image_is_told(pictures: Callable[..., Arrays]) -> None:
    images = pictures(size=4).inputs
    assert isinstance(images, torch.Tensor)
    with pytest.raises(ValueError, match="crop_padding=4 cannot be reflected in images of 4x4"):
        Augment(crop_padding=4, crop_mode="reflect")(images, positions(len(images)), 0, 0)


PHOTO = Augment(
    resized_crop=0.2, flip=True, brightness=0.4, contrast=0.3, saturation=0.4, hue=0.1,
    policy="trivial", erase=0.5,
)  # fmt: skip


def test_what_happens_to_a_photograph_depends_on_nothing_beside_it() -> None:
    images, index = random_images((7, 3, 12, 10)), positions(7)
    whole = PHOTO(images, index, 3, 5)
    assert float(whole.min()) >= 0
    assert float(whole.max()) <= 1
    for size in (1, 2, 5):
        parts = [PHOTO(images[n : n + size], index[n : n + size], 3, 5) for n in range(0, 7, size)]
        assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(PHOTO(images, index, 4, 5), whole)
    assert not torch.equal(PHOTO(images, index, 3, 6), whole)


def test_pixels_and_their_labels_are_cropped_and_erased_alike() -> None:
    labels = torch.arange(4 * 12 * 10).view(4, 12, 10) % 5
    augment, index = Augment(resized_crop=0.3, erase=0.9, flip=True), positions(4)
    moved = augment.along(labels, index, 1, 2)
    lone = Augment(resized_crop=0.3, flip=True).along(labels, index, 1, 2)
    assert bool((lone >= 0).all())
    assert torch.equal(moved[moved >= 0], lone[moved >= 0])
    white = torch.full((4, 1, 12, 10), 255, dtype=torch.uint8)
    assert torch.equal(augment(white, index, 1, 2)[:, 0] == 0, moved < 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"resized_crop": 1.5}, "give 0 to 1"),
        ({"hue": 0.6}, "give 0 to 0.5"),
        ({"policy": "triviall"}, "did you mean 'trivial'"),
        ({"crop_ratio": 0.5}, "give 1 or more"),
    ],
)
def test_impossible_options_of_photographs_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Augment(**options)
