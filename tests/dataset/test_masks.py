"""Pictures with masks: what is read, and what is told of twenty kinds of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kdrun.dataset.loader import make_loader
from kdrun.dataset.masks import masks
from kdrun.types import Arrays

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)
COLOURS = {"red": list(RED), "green": list(GREEN), "void": list(BLACK)}


def picture(path: Path, size: tuple[int, int] = (8, 6), value: int = 7) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)


def numbers(path: Path, values: Any, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, np.uint8))
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    image.save(path)


def mask(n: int) -> np.ndarray:
    values = np.full((6, 8), n % 3)
    values[0, 0] = 255
    return values


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for part, count in (("train", 6), ("test", 3)):
        for n in range(count):
            picture(tmp_path / part / f"{n}.png", value=n)
            numbers(tmp_path / part / f"{n}_mask.png", mask(n), "P" if n % 2 else "L")
    return tmp_path


def read(root: Path, **settings: Any) -> Any:
    return masks(str(root), **{"val_fraction": 0, **settings})


def test_numbers_of_grey_or_palette_are_classes(root: Path) -> None:
    data = read(root, classes=["a", "b", "c"])
    assert isinstance(data.train, Arrays)
    assert data.train.targets.shape == (6, 6, 8)
    for n, target in enumerate(data.train.targets):
        assert target[0, 0] == -1
        assert set(target.flatten()[1:].tolist()) == {n % 3}
    assert data.classes == ["a", "b", "c"]
    assert data.task.name == "segmentation"
    assert data.shape == (3, 6, 8)
    assert data.train.ids[0] == "train/0.png"


def test_classes_without_names_are_numbers(root: Path) -> None:
    assert read(root).classes == ["0", "1", "2"]


def test_masks_may_lie_in_a_folder_of_their_own(root: Path) -> None:
    beside = read(root)
    for part in ("train", "test"):
        for path in sorted((root / part).glob("*.png")):
            apart = "masks" if "_mask" in path.name else "images"
            (root / part / apart).mkdir(exist_ok=True)
            path.rename(root / part / apart / path.name.replace("_mask", ""))
    assert torch.equal(read(root).train.targets, beside.train.targets)


def test_colours_are_classes(root: Path) -> None:
    painted = np.full((6, 8, 3), RED, np.uint8)
    painted[2:4] = GREEN
    painted[5] = BLACK
    for path in root.rglob("*_mask.png"):
        Image.fromarray(painted).save(path)
    data = read(root, colours=COLOURS)
    assert data.classes == ["red", "green"]
    assert data.train.targets[0, :, 0].tolist() == [0, 0, 1, 1, 0, -1]


def test_a_size_is_that_of_pictures_and_masks(root: Path) -> None:
    data = read(root, image_size=[3, 4])
    assert data.train.inputs.shape == (6, 3, 3, 4)
    assert data.train.targets[0, 1:].unique().tolist() == [0]


def test_a_validation_folder_is_the_validation_split(root: Path) -> None:
    picture(root / "val" / "x.png")
    numbers(root / "val" / "x_mask.png", mask(1))
    data = read(root, val_fraction=0.5)
    assert (len(data.train), len(data.val), len(data.test)) == (6, 1, 3)


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def replaced(name: str, change: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda root: change(root / name)


def text(path: Path) -> None:
    path.write_text("no image")


def float_mask(path: Path) -> None:
    Image.fromarray(np.zeros((6, 8), np.float32)).save(path.with_suffix(".tif"))
    path.unlink()


MISTAKES: dict[str, tuple[Callable[[Path], None], dict[str, Any], str]] = {
    "no folder": (lambda root: (root / "test").rename(root / "tests"), {}, "there is no folder"),
    "no mask": (remove("train/3_mask.png"), {}, "3 of .*lack a mask: 3_mask.png"),
    "no picture": (remove("train/3.png"), {}, "masks of 3 .*no picture"),
    "empty folder": (
        lambda root: [path.unlink() for path in (root / "test").iterdir()],  # type: ignore[dict-item,func-returns-value]
        {},
        "holds no pictures",
    ),
    "another size": (
        replaced("train/2_mask.png", lambda path: numbers(path, np.zeros((5, 8)))),
        {},
        "2_mask.png has 8x5 pixels and its picture 8x6",
    ),
    "pictures of two sizes": (
        lambda root: (
            picture(root / "train/2.png", (9, 6)),
            numbers(root / "train/2_mask.png", np.zeros((6, 9))),
        ),  # type: ignore[dict-item,func-returns-value]
        {},
        "of 2 sizes, .*image_size",
    ),
    "test of another size": (
        lambda root: [
            (
                picture(root / f"test/{n}.png", (9, 6)),
                numbers(root / f"test/{n}_mask.png", np.zeros((6, 9))),
            )
            for n in range(3)
        ],  # type: ignore[dict-item,func-returns-value]
        {},
        "differ in size: train 8x6, test 9x6",
    ),
    "a class above": (
        lambda root: None,
        {"classes": ["a", "b"]},
        "number 2, and there are 2 class",
    ),
    "a class above in test": (
        replaced("test/0_mask.png", lambda path: numbers(path, np.full((6, 8), 9))),
        {"classes": ["a", "b", "c"]},
        "test/0.png.* number 9",
    ),
    "void that is not told": (
        lambda root: None,
        {"void": [], "classes": ["a", "b", "c"]},
        "number 255.*dataset.void",
    ),
    "unknown colour": (
        lambda root: [
            Image.new("RGB", (8, 6), (1, 2, 3)).save(path) for path in root.rglob("*_mask.png")
        ],  # type: ignore[dict-item,func-returns-value]
        {"colours": COLOURS},
        r"colour \[1, 2, 3\], which dataset.colours does not name",
    ),
    "colours that nobody named": (
        replaced("train/1_mask.png", lambda path: picture(path)),
        {},
        "1_mask.png.*RGB.*dataset.colours",
    ),
    "a colour twice": (
        lambda root: None,
        {"colours": {"a": [1, 1, 1], "b": [1, 1, 1]}},
        "stands for two classes",
    ),
    "no colour": (lambda root: None, {"colours": {"a": [1, 1]}}, r"\[red, green, blue\]"),
    "a colour too large": (lambda root: None, {"colours": {"a": [1, 1, 256]}}, "0..255"),
    "damaged picture": (replaced("train/0.png", text), {}, "0.png cannot be read"),
    "damaged mask": (replaced("train/0_mask.png", text), {}, "0_mask.png cannot be read"),
    "empty mask": (
        replaced("train/0_mask.png", lambda path: path.write_bytes(b"")),
        {},
        "lack a mask",
    ),
    "mask of real numbers": (replaced("train/0_mask.png", float_mask), {}, "F, and no numbers"),
    "nothing counts": (lambda root: None, {"void": [0, 1, 2, 255]}, "no pixel"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_a_line(name: str, root: Path) -> None:
    change, settings, told = MISTAKES[name]
    change(root)
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        read(root, **settings)


def test_labels_are_kept_small_and_are_int64_in_a_batch(root: Path) -> None:
    data = read(root)
    assert data.train.targets.dtype == torch.int16
    for train in (True, False):
        loader = make_loader(data.train, 2, seed=0, train=train, task=data.task)
        assert next(iter(loader.epoch(0))).target.dtype == torch.int64


def test_a_number_beyond_int16_is_told_as_it_is(root: Path) -> None:
    Image.fromarray(np.full((6, 8), 40000, np.uint16)).save(root / "train" / "1_mask.png")
    with pytest.raises(ValueError, match="has the number 40000"):
        read(root, classes=["a", "b", "c"])
