from __future__ import annotations

import pytest
import torch

from kdrun.dataset.shapes import CLASSES, shapes
from kdrun.types import Arrays


def small(**settings: int | str) -> tuple[Arrays, Arrays]:
    data = shapes(**{"image_size": 48, "samples": 40, "test_samples": 20, **settings})  # type: ignore[arg-type]
    assert isinstance(data.train, Arrays)
    assert isinstance(data.test, Arrays)
    return data.train, data.test


def test_every_picture_has_a_digit_and_its_labels() -> None:
    train, test = small()
    for split, size in ((train, 36), (test, 20)):
        assert split.inputs.shape == (size, 3, 48, 48)  # type: ignore[union-attr]
        assert split.targets.shape == (size, 48, 48)
        present = [set(target.unique().tolist()) for target in split.targets]
        assert all(0 in found and 2 <= len(found) <= 4 for found in present)
    assert set(torch.cat([train.targets, test.targets]).unique().tolist()) == set(range(11))
    assert len(CLASSES) == 11


def test_pixels_of_a_digit_have_one_colour() -> None:
    train, _ = small()
    assert isinstance(train.inputs, torch.Tensor)
    seen = 0
    for image, target in zip(train.inputs, train.targets, strict=True):
        labels = target.unique().tolist()[1:]
        if len(labels) == 1:
            colours = image[:, target > 0].T.unique(dim=0)
            seen += len(colours) <= 3  # the same digit may be there thrice
    assert seen > 3


def test_boxes_lie_tightly_around_the_digits_that_are_seen() -> None:
    (pixels, _), (boxes, _) = small(), small(task="detection")
    assert torch.equal(pixels.inputs, boxes.inputs)  # type: ignore[arg-type]
    assert boxes.task is not None
    assert boxes.task.classes == CLASSES[1:]
    alone = 0
    for labels, rows in zip(pixels.targets, boxes.targets, strict=True):
        kept = rows[rows[:, 0] >= 0]
        assert len(kept)
        assert {int(row) + 1 for row in kept[:, 0]} <= set(labels.unique().tolist())
        if len(kept) == 1 and len(labels.unique()) == 2:
            down, across = (labels > 0).any(1).nonzero(), (labels > 0).any(0).nonzero()
            sides = [across.min(), down.min(), across.max() + 1, down.max() + 1]
            alone += kept[0, 1:5].tolist() == [float(side) for side in sides]
    assert alone > 3


def test_the_same_arguments_give_the_same_pictures() -> None:
    (first, _), (second, _), (other, _) = small(), small(), small(seed=1)
    assert torch.equal(first.targets, second.targets)
    assert torch.equal(first.inputs, second.inputs)  # type: ignore[arg-type]
    assert not torch.equal(first.targets, other.targets)


def test_more_pictures_begin_with_the_fewer() -> None:
    few, many = small(val_fraction=0), small(val_fraction=0, samples=50)
    assert torch.equal(few[0].targets, many[0].targets[:40])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"image_size": 16}, "32 to 128"),
        ({"samples": 0}, "1 picture or more"),
        ({"task": "detect"}, "did you mean 'detection'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(settings: dict[str, int | str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        small(**settings)
