"""Pictures with boxes: what is read, and what is told of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from kdrun.dataset.coco import coco
from kdrun.types import Arrays, Dataset

KINDS = [{"id": 3, "name": "cat"}, {"id": 1, "name": "dog"}]


def part(root: Path, name: str, count: int, size: tuple[int, int] = (64, 48)) -> None:
    """Pictures that are white in their one box; the last is empty."""
    (root / name).mkdir(parents=True)
    images, boxes = [], []
    for n in range(count):
        image = Image.new("RGB", size)
        if n < count - 1:
            image.paste((255, 255, 255), (8, 4 + n, 40, 24 + n))
            kind = KINDS[n % 2]["id"]
            boxes.append({"id": n, "image_id": n, "category_id": kind, "bbox": [8, 4 + n, 32, 20]})
        image.save(root / name / f"{n}.png")
        images.append({"id": n, "file_name": f"{n}.png", "width": size[0], "height": size[1]})
    write(root / f"{name}.json", images, boxes)


def write(path: Path, images: Any, boxes: Any, kinds: Any = KINDS) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": kinds}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    part(tmp_path, "train", 5)
    part(tmp_path, "test", 3)
    return tmp_path


def read(root: Path, **settings: Any) -> Dataset:
    return coco(str(root), **{"val_fraction": 0, **settings})


def arrays(split: Any) -> tuple[torch.Tensor, torch.Tensor]:
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, torch.Tensor)
    return split.inputs, split.targets


def test_pictures_and_boxes_are_as_they_are_written(root: Path) -> None:
    data = read(root)
    images, targets = arrays(data.train)
    assert images.shape == (5, 3, 48, 64)
    assert targets.shape == (5, 1, 6)
    assert targets[1, 0].tolist() == [1, 8, 5, 40, 25, 0]
    assert targets[4, 0, 0] == -1
    assert data.classes == ["cat", "dog"]
    assert data.task.described["numbers"] == (3, 1)
    assert data.shape == (3, 48, 64)
    assert data.train.ids == [f"train/{n}.png" for n in range(5)]
    assert data.notes[0] == "boxes of the train part: cat 2, dog 2; 1 pictures have none"


def test_a_picture_is_brought_to_a_size_as_a_whole_and_its_boxes_too(root: Path) -> None:
    images, targets = arrays(read(root, image_size=[48, 32]).train)
    assert images.shape == (5, 3, 48, 32)
    assert bool((images[:, :, 24:] == 0).all())
    for image, (_, left, top, right, bottom, _) in zip(images[:4, 0], targets[:4, 0], strict=True):
        lit = (image > 127).nonzero()
        low, high = lit.amin(0), lit.amax(0) + 1
        found = torch.tensor([left, top, right, bottom])
        own = torch.stack([low[1], low[0], high[1], high[0]]).float()
        torch.testing.assert_close(found, own, atol=1.01, rtol=0)
    assert targets[0, 0, 1:5].tolist() == [4, 2, 20, 12]


def test_some_classes_count_in_an_order_of_ones_own(root: Path) -> None:
    data = read(root, classes=["dog"])
    _, targets = arrays(data.train)
    assert targets[:, 0, 0].tolist() == [-1, 0, -1, 0, -1]
    assert data.task.described["numbers"] == (1,)
    with pytest.raises(ValueError, match=r"no category 'dogs'.*dog"):
        read(root, classes=["dogs"])


def test_a_validation_part_and_other_names(root: Path) -> None:
    part(root, "val", 2)
    assert len(read(root).val or ()) == 2
    (root / "annotations").mkdir()
    (root / "train.json").rename(root / "annotations" / "train.json")
    assert len(read(root).train) == 5
    (root / "annotations" / "train.json").rename(root / "boxes.json")
    named = {"train": ["boxes.json", "train"], "test": ["test.json", "test"]}
    assert read(root, parts=named).val is None
    with pytest.raises(ValueError, match=r"dataset.parts.test"):
        read(root, parts={**named, "test": ["test.json"]})


def test_what_is_missing_is_told(root: Path) -> None:
    (root / "train" / "2.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks pictures of the train part: 2.png"):
        read(root)
    (root / "test.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no .*test.json"):
        read(root)


def test_sizes_are_told(root: Path) -> None:
    Image.new("RGB", (60, 48)).save(root / "train" / "2.png")
    with pytest.raises(ValueError, match=r"2.png has 60x48 pixels, and its annotations .* 64x48"):
        read(root)
    with pytest.raises(ValueError, match="32 or more"):
        read(root, image_size=[16, 64])


def test_pictures_of_several_sizes_want_one(tmp_path: Path) -> None:
    part(tmp_path, "train", 3)
    part(tmp_path, "test", 3, (80, 48))
    with pytest.raises(ValueError, match=r"differ in size: train 64x48, test 80x48"):
        read(tmp_path)
    assert read(tmp_path, image_size=[48, 64]).shape == (3, 48, 64)


def test_numbers_mean_the_same_in_every_part(root: Path) -> None:
    write(root / "test.json", [{"id": 0, "file_name": "0.png"}], [], [{"id": 3, "name": "dog"}])
    with pytest.raises(ValueError, match="category 3 is 'dog', and that of the train part 'cat'"):
        read(root)


def test_a_train_part_without_any_box_is_refused(root: Path) -> None:
    write(root / "train.json", [{"id": 0, "file_name": "0.png"}], [])
    with pytest.raises(ValueError, match="no picture of the train part"):
        read(root)


def test_a_damaged_picture_is_named(root: Path) -> None:
    (root / "train" / "2.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(ValueError, match=r"2.png cannot be read"):
        read(root)
