"""One JSON file of COCO: pictures, the boxes in them, and what kinds there are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kdrun.security import bounds

OVER = 1.0
"""Pixels that a box may reach over the border of its picture, as rounding has it; it is cut."""


class Picture(NamedTuple):
    """A picture and its boxes.

    Attributes:
        number: its `id`.
        name: its `file_name`, below the folder of pictures.
        size: height and width that the file gives; None where it gives none.
        boxes: of each the number of its category, left, top, right, bottom, and 1 for a crowd.
    """

    number: int | str
    name: str
    size: tuple[int, int] | None
    boxes: list[list[float]]


class CocoFile(NamedTuple):
    """What such a file says.

    Attributes:
        categories: names by number, in the file's order.
        pictures: in the file's order.
    """

    categories: dict[int, str]
    pictures: list[Picture]


def read_coco(path: Path) -> CocoFile:
    """Read a file and look at all that it says.

    Args:
        path: of the JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such JSON; the message names the first entry that is wrong.
    """
    if not bounds.is_plain(path):
        raise FileNotFoundError(f"there is no file {path}: give annotations as COCO has them.")
    try:
        found = json.loads(bounds.content(path, bounds.JSON, "its objects"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ValueError(f"{path} is no JSON ({fault}).") from fault
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}: {_WANTED}")
    lists = {}
    for key in ("images", "annotations", "categories"):
        lists[key] = _objects(found.get(key), key, path)
    if not lists["images"]:
        raise ValueError(f"{path} names no images.")
    categories = _categories(lists["categories"], path)
    pictures = _pictures(lists["images"], path)
    _boxes(lists["annotations"], categories, pictures, path)
    return CocoFile(categories, list(pictures.values()))


_WANTED = "an object with the lists images, annotations and categories is wanted, as COCO has it."


def _objects(found: Any, key: str, path: Path) -> list[dict[str, Any]]:
    if not isinstance(found, list):
        raise ValueError(f"{path} has no list '{key}': {_WANTED}")
    for place, one in enumerate(found):
        if not isinstance(one, dict):
            raise ValueError(f"{path}: {key}[{place}] is no object: {_WANTED}")
    return found


def _of(one: Mapping[str, Any], key: str, where: str) -> Any:
    if one.get(key) is None:
        raise ValueError(f"{where} has no '{key}'.")
    return one[key]


def _number(one: Mapping[str, Any], key: str, where: str) -> int:
    value = _of(one, key, where)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{where}: {key} is {value!r:.40}, and no whole number.")
    return value


def _categories(found: Sequence[Mapping[str, Any]], path: Path) -> dict[int, str]:
    categories: dict[int, str] = {}
    for place, one in enumerate(found):
        where = f"{path}: categories[{place}]"
        number, name = _number(one, "id", where), str(_of(one, "name", where))
        if number in categories:
            raise ValueError(f"{where}: the id {number} stands for '{categories[number]}' too.")
        if name in categories.values():
            raise ValueError(f"{where}: the name '{name}' stands twice.")
        categories[number] = name
    if not categories:
        raise ValueError(f"{path} names no categories.")
    return categories


def _pictures(found: Sequence[Mapping[str, Any]], path: Path) -> dict[int | str, Picture]:
    pictures: dict[int | str, Picture] = {}
    names: dict[str, int | str] = {}
    for place, one in enumerate(found):
        where = f"{path}: images[{place}]"
        number, name = _of(one, "id", where), _of(one, "file_name", where)
        if not isinstance(number, int | str) or isinstance(number, bool):
            raise ValueError(f"{where}: id is {number!r:.40}, and no whole number.")
        if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(
                f"{where}: file_name {name!r:.80} leads out of the folder of pictures."
            )
        if number in pictures:
            raise ValueError(f"{where}: the id {number} is that of {pictures[number].name} too.")
        if name in names:
            raise ValueError(f"{where}: {name} stands twice, as {names[name]} and {number}.")
        names[name] = number
        size = None
        if one.get("width") is not None or one.get("height") is not None:
            size = _number(one, "height", where), _number(one, "width", where)
            if min(size) < 1:
                raise ValueError(f"{where}: {name} has {size[1]}x{size[0]} pixels.")
        pictures[number] = Picture(number, name, size, [])
    return pictures


def _boxes(
    found: Sequence[Mapping[str, Any]],
    categories: Mapping[int, str],
    pictures: Mapping[int | str, Picture],
    path: Path,
) -> None:
    """Give each picture its boxes."""
    numbers: dict[Any, int] = {}
    seen: dict[tuple[Any, ...], int] = {}
    for place, one in enumerate(found):
        where = f"{path}: annotations[{place}]"
        if (number := one.get("id")) is not None and str(number) in numbers:
            raise ValueError(f"{where}: the id {number} stands twice.")
        numbers[str(number)] = place
        owner = _of(one, "image_id", where)
        if not isinstance(owner, int | str) or owner not in pictures:
            raise ValueError(f"{where}: there is no image with the id {owner!r:.40}.")
        kind = _number(one, "category_id", where)
        if kind not in categories:
            known = ", ".join(map(str, [*categories][:9]))
            raise ValueError(f"{where}: there is no category {kind}; there are {known}.")
        picture = pictures[owner]
        box = _sides(one, picture, where)
        key = (owner, kind, *box)
        if key in seen:
            raise ValueError(
                f"{where} repeats annotations[{seen[key]}]: the same box of {picture.name} as "
                f"'{categories[kind]}'. Keep one."
            )
        seen[key] = place
        picture.boxes.append([kind, *box, float(bool(one.get("iscrowd")))])


def _sides(one: Mapping[str, Any], picture: Picture, where: str) -> list[float]:
    """Left, top, right, bottom of an annotation."""
    box = one.get("bbox")
    if box is None:
        mask = one.get("segmentation")
        what = "an RLE mask" if isinstance(mask, dict) else "polygons" if mask else "nothing"
        raise ValueError(
            f"{where} has {what} and no 'bbox': write [left, top, width, height], such as "
            "pycocotools.mask.toBbox gives of a mask."
        )
    good = isinstance(box, list) and len(box) == 4
    if not good or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in box
    ):
        raise ValueError(f"{where}: bbox {box!r:.60} is no [left, top, width, height] in pixels.")
    left, top, width, height = map(float, box)
    if width <= 0 or height <= 0:
        raise ValueError(
            f"{where}: the box {box} of {picture.name} has no area: bbox is [left, top, width, "
            "height]. Remove it."
        )
    right, bottom = left + width, top + height
    if picture.size is None:
        return [left, top, right, bottom]
    return within([left, top, right, bottom], picture.size, f"{where}: the box {box}", picture.name)


def within(box: Sequence[float], size: tuple[int, int], what: str, name: str) -> list[float]:
    """A box, cut at the border of its picture.

    Args:
        box: left, top, right, bottom.
        size: height and width.
        what: it is called, and
        name: the picture, for the message.

    Raises:
        ValueError: it reaches over it by more than `OVER` pixels.
    """
    left, top, right, bottom = box
    height, width = size
    if min(left, top) < -OVER or right > width + OVER or bottom > height + OVER:
        sides = ", ".join(f"{side:g}" for side in box)
        raise ValueError(
            f"{what} reaches out of {name}, which has {width}x{height} pixels: left, top, right, "
            f"bottom are {sides}. bbox is [left, top, width, height] in pixels of the picture."
        )
    cut = [max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))]
    if cut[2] <= cut[0] or cut[3] <= cut[1]:
        raise ValueError(f"{what} lies beside {name}, which has {width}x{height} pixels.")
    return cut
