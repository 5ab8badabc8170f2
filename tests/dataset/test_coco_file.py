"""One file of COCO: what is read, and what is told of each kind of mistake."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdrun.dataset.coco_file import read_coco, within

GOOD: dict[str, Any] = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30},
        {"id": 2, "file_name": "deep/b.jpg"},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 2, 10, 20], "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 7, "bbox": [30.5, 0, 10, 5], "iscrowd": 1},
    ],
    "categories": [{"id": 5, "name": "cat"}, {"id": 7, "name": "dog"}],
}


def written(path: Path, found: Any) -> Path:
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return path


def test_boxes_are_given_to_their_pictures(tmp_path: Path) -> None:
    file = read_coco(written(tmp_path / "t.json", GOOD))
    assert file.categories == {5: "cat", 7: "dog"}
    first, second = file.pictures
    assert (first.name, first.size) == ("a.jpg", (30, 40))
    assert first.boxes == [[5, 1, 2, 11, 22, 0], [7, 30.5, 0, 40, 5, 1]]  # cut at the border
    assert second.boxes == []
    assert second.size is None


def change(key: str, place: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    def changed(found: dict[str, Any]) -> None:
        for name, value in values.items():
            if value is None:
                found[key][place].pop(name, None)
            else:
                found[key][place][name] = value

    return changed


def add(key: str, entry: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[key].append(entry)


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no list": (lambda d: d.pop("annotations"), "no list 'annotations'"),
    "no pictures": (lambda d: d["images"].clear(), "names no images"),
    "no kinds": (lambda d: d["categories"].clear(), "names no categories"),
    "a number for a picture": (lambda d: d["images"].append(3), r"images\[2\] is no object"),
    "a kind twice": (add("categories", {"id": 5, "name": "cow"}), "stands for 'cat' too"),
    "a name twice": (add("categories", {"id": 8, "name": "cat"}), "'cat' stands twice"),
    "a picture twice": (add("images", {"id": 1, "file_name": "c.jpg"}), "that of a.jpg too"),
    "a file twice": (add("images", {"id": 3, "file_name": "a.jpg"}), "a.jpg stands twice"),
    "a picture elsewhere": (change("images", 0, file_name="../a.jpg"), "leads out"),
    "an absolute path": (change("images", 0, file_name="/a.jpg"), "leads out"),
    "no name": (change("images", 0, file_name=None), "no 'file_name'"),
    "no width": (change("images", 0, width=None), "no 'width'"),
    "a width of nothing": (change("images", 0, width=0), "0x30 pixels"),
    "a text for a width": (change("images", 0, width="40"), "no whole number"),
    "an unknown picture": (change("annotations", 0, image_id=9), "no image with the id 9"),
    "an unknown kind": (change("annotations", 0, category_id=6), "no category 6; there are 5, 7"),
    "a number twice": (change("annotations", 1, id=1), "the id 1 stands twice"),
    "outside": (change("annotations", 0, bbox=[35, 2, 10, 20]), "reaches out of a.jpg.*40x30"),
    "negative": (change("annotations", 0, bbox=[-5, 2, 10, 20]), "reaches out of a.jpg"),
    "beside": (change("annotations", 0, bbox=[40, 2, 0.5, 20]), "lies beside a.jpg"),
    "no area": (change("annotations", 0, bbox=[1, 2, 0, 20]), "has no area"),
    "corners": (change("annotations", 0, bbox=[20, 20, 39, 29]), "reaches out"),
    "three sides": (change("annotations", 0, bbox=[1, 2, 3]), r"no \[left, top, width, height\]"),
    "not a number": (change("annotations", 0, bbox=[1, 2, "x", 3]), "no .left, top"),
    "an RLE mask": (
        change("annotations", 0, bbox=None, segmentation={"counts": "x", "size": [30, 40]}),
        "has an RLE mask and no 'bbox'",
    ),
    "polygons": (change("annotations", 0, bbox=None, segmentation=[[1, 2, 3]]), "has polygons"),
    "the same box again": (
        add("annotations", {"image_id": 1, "category_id": 5, "bbox": [1, 2, 10, 20]}),
        r"repeats annotations\[0\].*Keep one",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_told_in_a_line(name: str, tmp_path: Path) -> None:
    found = copy.deepcopy(GOOD)
    spoil, told = BAD[name]
    spoil(found)
    with pytest.raises(ValueError, match=told) as error:
        read_coco(written(tmp_path / "t.json", found))
    assert "\n" not in str(error.value)
    assert str(tmp_path / "t.json") in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]", "3", "nan"])
def test_what_is_no_such_json_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"t.json (is no JSON|holds a)"):
        read_coco(written(tmp_path / "t.json", text))
    with pytest.raises(FileNotFoundError, match=r"no file .*u.json"):
        read_coco(tmp_path / "u.json")


def test_a_pixel_over_the_border_is_rounding() -> None:
    assert within([-0.5, 0, 10, 30.9], (30, 40), "it", "a") == [0, 0, 10, 30]
    with pytest.raises(ValueError, match="reaches out of a"):
        within([-1.5, 0, 10, 30], (30, 40), "it", "a")
