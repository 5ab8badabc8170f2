"""Pictures of the user's own with boxes, as COCO writes them down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from kdrun.config.nearest import nearest
from kdrun.dataset.coco_file import CocoFile, Picture, read_coco, within
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.decodable import THREADS
from kdrun.dataset.image import read_image
from kdrun.dataset.mask import size_of
from kdrun.dataset.split import channel_statistics
from kdrun.dataset.whole import scaled_within
from kdrun.security.bounds import is_plain
from kdrun.task.detection import Detection, stacked
from kdrun.types import Arrays, Dataset

PLACES = ("{0}.json", "annotations/{0}.json", "{0}/_annotations.coco.json")
"""Where the annotations of a split may lie, below the root."""

SEVERAL = 5
"""Names that a message lists."""

SMALLEST = 32
"""Pixels of height and width that detectors need."""


@with_cuts()
def coco(
    root: str,
    image_size: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, Sequence[str]] | None = None,
    *,
    cuts: Cuts,
) -> Dataset:
    """Pictures as `root/train/NAME.jpg` with `root/train.json`, likewise `test` and maybe `val`.

    The JSON is COCO's: `images`, `annotations` with a `bbox` each, `categories`. It may lie in
    `root/annotations` too, or be `root/train/_annotations.coco.json`. A picture is brought to the
    size as a whole, at the upper left, with black beside it; so are its boxes. A picture without
    boxes is learnt from as one where nothing is. All is read into memory: a picture of 320×240
    pixels takes 0.2 MB.

    Args:
        root: the folder.
        image_size: height and width to which pictures are brought; None: as they are, which must
            be alike.
        classes: names of categories, in the order that they are to have; others are left out.
            None: all of the training file, in its order.
        parts: by split, `train`, `test` and maybe `val`, its JSON and its folder of pictures below
            the root, where they are called otherwise.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: a file, a folder or a picture is missing.
        ValueError: an entry of a file is wrong, or a picture cannot be read; the message names it.
    """
    if image_size is not None and (len(image_size) != 2 or min(image_size) < SMALLEST):
        raise ValueError(
            f"dataset.image_size={list(image_size)}: give [HEIGHT,WIDTH], {SMALLEST} or more."
        )
    found = {part: _part(Path(root), part, parts) for part in ("train", "val", "test")}
    files = {part: read_coco(place[0]) for part, place in found.items() if place is not None}
    names = _classes(files["train"], classes, root)
    for part, file in files.items():
        _same_categories(file, files["train"], f"{part} of {root}")
    numbers = {name: number for number, name in files["train"].categories.items()}
    chosen = [numbers[name] for name in names]
    most = max(1, *(len(picture.boxes) for file in files.values() for picture in file.pictures))
    splits = {}
    for part, file in files.items():
        place = found[part]
        assert place is not None
        splits[part] = _split(place[1], part, file, image_size, chosen, most)
    shape = _alike(splits)
    if not bool((splits["train"].targets[..., 0] >= 0).any()):
        raise ValueError(f"no picture of the train part of {root} has a box of {', '.join(names)}.")
    train, val, test = cuts.split(splits["train"], splits["test"], splits.get("val"))
    mean, std = channel_statistics(train)
    task = Detection(tuple(names), tuple(chosen))
    notes = tuple(_notes(splits, names))
    return Dataset(train, val, test, names, shape, mean, std, notes=notes, task=task)


def _part(
    root: Path, part: str, parts: Mapping[str, Sequence[str]] | None
) -> tuple[Path, Path] | None:
    """The annotations and the folder of pictures of a split; None for no validation split."""
    if parts is not None and part in parts:
        given = list(parts[part])
        if len(given) != 2:
            raise ValueError(f"dataset.parts.{part}={given}: give [FILE.json, FOLDER].")
        return root / given[0], root / given[1]
    if parts is None:
        for pattern in PLACES:
            file = root / pattern.format(part)
            if is_plain(file):
                return file, root / part
    if part == "val":
        return None
    raise FileNotFoundError(
        f"there is no {root / PLACES[0].format(part)} ({root.resolve()}): put COCO's annotations "
        f"there and the pictures in {root / part}, or name them in dataset.parts={{{part}: "
        "[FILE.json, FOLDER]}."
    )


def _classes(file: CocoFile, classes: Sequence[str] | None, root: str) -> list[str]:
    every = list(file.categories.values())
    for name in classes or ():
        if name not in every:
            raise ValueError(
                f"dataset.classes: {root} has no category '{name}'; {nearest(name, every)}"
            )
    if classes is not None and len(set(classes)) < len(classes):
        raise ValueError("dataset.classes: a name stands twice.")
    return list(classes) if classes is not None else every


def _same_categories(file: CocoFile, train: CocoFile, what: str) -> None:
    """Refuse a file whose numbers mean something else."""
    for number, name in file.categories.items():
        if train.categories.get(number) != name:
            told = train.categories.get(number, "nothing")
            raise ValueError(
                f"{what}: the category {number} is '{name}', and that of the train part '{told}'."
            )


def _split(
    folder: Path,
    part: str,
    file: CocoFile,
    image_size: Sequence[int] | None,
    chosen: Sequence[int],
    most: int,
) -> Arrays:
    missing = [p.name for p in file.pictures if not is_plain(folder / p.name)]
    if missing:
        more = f" and {len(missing) - SEVERAL} more" if len(missing) > SEVERAL else ""
        raise FileNotFoundError(
            f"{folder} lacks pictures of the {part} part: {', '.join(missing[:SEVERAL])}{more}."
        )
    with ThreadPoolExecutor(THREADS) as pool:
        read = list(pool.map(lambda picture: _one(folder, picture, image_size), file.pictures))
    sizes = {tuple(image.shape[:2]) for image, _ in read}
    if len(sizes) > 1:
        (h, w), (other_h, other_w) = sorted(sizes)[:2]
        raise ValueError(
            f"the pictures of {folder} are of {len(sizes)} sizes, {w}x{h} and {other_w}x{other_h} "
            "among them: set dataset.image_size=[HEIGHT,WIDTH]."
        )
    places = {number: float(place) for place, number in enumerate(chosen)}
    boxes = [
        [[places[int(box[0])], *box[1:]] for box in own if int(box[0]) in places] for _, own in read
    ]
    images = torch.stack([image for image, _ in read]).permute(0, 3, 1, 2).contiguous()
    ids = [f"{part}/{picture.name}" for picture in file.pictures]
    return Arrays(images, stacked(boxes, most), ids=ids, task=Detection())


def _one(
    folder: Path, picture: Picture, image_size: Sequence[int] | None
) -> tuple[Tensor, list[list[float]]]:
    """A picture, and its boxes in the picture as it is then."""
    path = str(folder / picture.name)
    own = size_of(path)
    if picture.size is not None and picture.size != own:
        (height, width), (there_h, there_w) = picture.size, own
        raise ValueError(
            f"{path} has {there_w}x{there_h} pixels, and its annotations are of {width}x{height}."
        )
    height, width = image_size or own
    image = read_image(path, (3, height, width), whole=True)
    new_h, new_w = scaled_within(own, (height, width))
    down, across = new_h / own[0], new_w / own[1]
    boxes = []
    for kind, *sides, crowd in picture.boxes:
        left, top, right, bottom = within(sides, own, f"a box of {path}", picture.name)
        boxes.append([kind, left * across, top * down, right * across, bottom * down, crowd])
    return image, boxes


def _alike(parts: Mapping[str, Arrays]) -> tuple[int, int, int]:
    shapes = {}
    for name, part in parts.items():
        assert isinstance(part.inputs, Tensor)
        shapes[name] = (part.inputs.shape[2], part.inputs.shape[3])
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {w}x{h}" for name, (h, w) in shapes.items())
        raise ValueError(f"pictures differ in size: {told}; set dataset.image_size=[HEIGHT,WIDTH].")
    height, width = shapes["train"]
    if min(height, width) < SMALLEST:
        raise ValueError(
            f"pictures have {width}x{height} pixels: set dataset.image_size=[HEIGHT,WIDTH], "
            f"{SMALLEST} or more."
        )
    return 3, height, width


def _notes(splits: Mapping[str, Arrays], names: Sequence[str]) -> list[str]:
    """How many boxes there are, and pictures without."""
    notes = []
    for part, split in splits.items():
        told = Detection(tuple(names)).present(split.targets)
        each = ", ".join(f"{name} {count:,}" for name, count in told["boxes"].items())
        empty = f"; {told['empty']:,} pictures have none" if told["empty"] else ""
        notes.append(f"boxes of the {part} part: {each}{empty}")
    return notes
