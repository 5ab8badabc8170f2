"""The labels of pixels go where their pixels go."""

from __future__ import annotations

import pytest
import torch

from kdrun.dataset.augment import Augment

INDEX = torch.arange(6)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Labels, and pictures of which each pixel shows its label."""
    labels = torch.arange(6 * 12 * 10).view(6, 12, 10) % 7
    shown = (labels * 30 + 20).to(torch.uint8)[:, None]
    return labels, shown


@pytest.mark.parametrize(
    "augment",
    [
        Augment(),
        Augment(flip=True),
        Augment(crop_padding=3),
        Augment(flip=True, crop_padding=3, crop_mode="reflect"),
        Augment(flip=True, crop_padding=2, cutout=4),
    ],
)
def test_a_pixel_shows_its_label(augment: Augment) -> None:
    labels, images = pictures()
    moved = augment.along(labels, INDEX, 2, 5)
    shown = (augment(images, INDEX, 2, 5)[:, 0] * 255).round().long()
    expected = torch.where(moved >= 0, moved * 30 + 20, 0)
    assert torch.equal(shown, expected)


def test_turned_labels_stay_classes_and_the_outside_is_none() -> None:
    labels = torch.ones(6, 12, 10, dtype=torch.long)
    augment = Augment(rotate=40, scale=0.3)
    moved = augment.along(labels, INDEX, 0, 0)
    assert set(moved.unique().tolist()) == {-1, 1}
    images = torch.full((6, 1, 12, 10), 255, dtype=torch.uint8)
    white = augment(images, INDEX, 0, 0)[:, 0]
    assert (moved[white > 0.99] == 1).all()
    assert (moved[white < 0.01] == -1).all()


def test_void_stays_void_and_others_do_not_matter() -> None:
    labels, _ = pictures()
    labels[:, 5] = -1
    augment = Augment(flip=True)
    whole = augment.along(labels, INDEX, 1, 0)
    assert (whole[:, 5] == -1).all()
    assert torch.equal(augment.along(labels[2:4], INDEX[2:4], 1, 0), whole[2:4])
