"""What stands on a sheet is what a network is given."""

from __future__ import annotations

import numpy as np
import torch

from kdrun.config.composed import composed
from kdrun.dataset.augment import Augment
from kdrun.show.sheet import _labels, _pictures, drawn, sheet
from kdrun.task.detection import Detection
from kdrun.task.segmentation import Segmentation
from kdrun.types import Arrays, Batch, Dataset

IMAGES = torch.randint(0, 256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()


def data() -> Dataset:
    split = Arrays(IMAGES, torch.tensor([0, 1, 0, 1]))
    return Dataset(split, None, split, ["cat", "dog"], (3, 8, 8), (0.5,) * 3, (0.5,) * 3)


def test_each_view_is_that_of_its_epoch() -> None:
    plain = composed(["dataset=digits", "augment=cifar", "seed=3"])
    found = data()
    page, told = sheet(found, found.train, [2, 1], plain, 2)
    assert "flip=True" in told[0]
    pixels = np.asarray(page)
    index = torch.tensor([2, 1])
    views = [IMAGES[index] / 255, *(Augment(crop_padding=4, flip=True)(IMAGES[index], index, e, 3)
                                    for e in range(2))]  # fmt: skip
    scale, gap, line = 12, 6, 14
    for column, view in enumerate(views):
        for row in range(2):
            left = gap + column * (8 * scale + gap) + scale // 2
            top = line + gap + row * (8 * scale + line + gap) + scale // 2
            shown = pixels[top : top + 8 * scale : scale, left : left + 8 * scale : scale]
            expected = (view[row] * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
            assert np.array_equal(shown, expected)


def test_mixed_labels_are_told_as_shares() -> None:
    target = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    batch = Batch(torch.zeros(2, 3, 8, 8), target, torch.arange(2))
    assert _labels(data(), batch) == ["0.75 dog + 0.25 cat", "1.00 cat"]


def test_masks_stand_beside_their_pictures_in_colours() -> None:
    masks = torch.tensor([[[0, 1], [2, -1]]])
    split = Arrays(IMAGES[:1, :, :2, :2], masks, task=Segmentation(("a", "b", "c")))
    found = Dataset(split, None, split, ["a", "b", "c"], (3, 2, 2))
    batch = Batch(split.inputs / 255, masks, torch.arange(1))  # type: ignore[operator]
    ((picture, _),) = _pictures(found, batch, [""])
    assert picture.shape == (2, 4, 3)
    assert picture[:, 2:].tolist() == [
        [[0, 0, 0], [128, 0, 0]],
        [[0, 128, 0], [224, 224, 192]],
    ]


def test_a_long_name_is_cut_and_a_large_picture_made_small() -> None:
    picture = torch.zeros(500, 250, 3, dtype=torch.uint8)
    page = drawn(["a name that is far longer than the picture is wide"], [[(picture, "ж" * 99)]])
    assert page.size == (112 + 2 * 6, 224 + 2 * 14 + 2 * 6)


def test_boxes_are_framed() -> None:
    boxes = torch.tensor([[[0, 1, 1, 5, 5, 0], [-1, 0, 0, 0, 0, 0.0]]])
    split = Arrays(IMAGES[:1], boxes, task=Detection(("a",)))
    found = Dataset(split, None, split, ["a"], (3, 8, 8))
    batch = Batch(IMAGES[:1] / 255, boxes, torch.arange(1))
    ((picture, _),) = _pictures(found, batch, [""])
    assert picture[1, 1:5].tolist() == [[255, 0, 0]] * 4
    assert torch.equal(picture[0], IMAGES[0].permute(1, 2, 0)[0])
