"""Pictures of the user's own, with a mask beside each: a class a pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.decodable import THREADS
from kdrun.dataset.image import read_image
from kdrun.dataset.mask import Reading, read_mask, size_of
from kdrun.dataset.split import channel_statistics
from kdrun.dataset.walk import image_files
from kdrun.task.segmentation import Segmentation
from kdrun.types import Arrays, Dataset

SUFFIX = "_mask"
"""How the name of a mask ends that lies beside its picture."""

IMAGES, MASKS = "images", "masks"
"""The folders of a split where pictures and masks are apart."""

SEVERAL = 5
"""Names that a message lists."""


@with_cuts()
def masks(
    root: str,
    image_size: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    colours: Mapping[str, Sequence[int]] | None = None,
    void: Sequence[int] | None = None,
    *,
    cuts: Cuts,
) -> Dataset:
    """Pictures as `root/train/NAME.jpg` with `root/train/NAME_mask.png`, likewise `root/test`.

    Or as `root/train/images/NAME.jpg` and `root/train/masks/NAME.png`. A folder `root/val` of the
    same kind is the validation split, whatever `val_fraction` says. A mask is an image of the same
    size, whose grey levels or palette's numbers are classes from 0; or, with `colours`, one whose
    colours are. All is read into memory, five bytes a pixel: a picture of 240×180 takes 0.2 MB.

    Args:
        root: the folder.
        image_size: height and width to which pictures are brought, by their centre; masks by their
            nearest pixels. None: as they are, which must be alike.
        classes: what they are called, from 0 on; None: the names of `colours`, or numbers.
        colours: the colour of each class, [red, green, blue], for masks that are painted.
        void: numbers of masks that are no class, and do not count; None: 255. With `colours`, so
            does every colour called `void`.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: a folder or a mask is missing.
        ValueError: a mask has another size than its picture, a colour or a number that is no class,
            or a file cannot be read; the message names it.
    """
    reading = Reading(colours, (255,) if void is None else tuple(void))
    names = list(classes) if classes is not None else reading.names
    parts = {}
    for part in ("train", "val", "test"):
        place = Path(root) / part
        if place.is_dir():
            parts[part] = _read(place, image_size, reading)
        elif part != "val":
            raise FileNotFoundError(
                f"there is no folder {place} ({place.resolve()}): put pictures there, and beside "
                f"each, NAME.jpg, its mask, NAME{SUFFIX}.png."
            )
    shape = _alike(parts)
    if int(parts["train"].targets.max()) < 0:
        raise ValueError(
            f"no pixel of {Path(root) / 'train'} counts: all numbers are dataset.void."
        )
    names = names or [str(n) for n in range(1 + max(int(p.targets.max()) for p in parts.values()))]
    for part, split in parts.items():
        _check(split, names, Path(root) / part)
    train, val, test = cuts.split(parts["train"], parts["test"], parts.get("val"))
    mean, std = channel_statistics(train)
    task = Segmentation(tuple(names))
    return Dataset(train, val, test, names, shape, mean, std, task=task)


def pairs(place: Path) -> list[tuple[str, str]]:
    """The pictures of a folder, each with its mask.

    Raises:
        FileNotFoundError: a picture has no mask.
        ValueError: there are no pictures, or a mask has no picture.
    """
    apart = (place / IMAGES).is_dir() and (place / MASKS).is_dir()
    if apart:
        pictures = {_key(path, place / IMAGES): path for path in image_files(place / IMAGES)}
        found = {_key(path, place / MASKS): path for path in image_files(place / MASKS)}
        found = {name.removesuffix(SUFFIX): path for name, path in found.items()}
    else:
        every = {_key(path, place): path for path in image_files(place)}
        pictures = {name: path for name, path in every.items() if not name.endswith(SUFFIX)}
        ends = len(SUFFIX)
        found = {name[:-ends]: path for name, path in every.items() if name.endswith(SUFFIX)}
    if not pictures:
        raise ValueError(f"{place} holds no pictures.")
    if missing := sorted(pictures.keys() - found.keys()):
        raise FileNotFoundError(
            f"{_listed(missing)} of {place} lack a mask: {_named(missing[0], apart)} is wanted."
        )
    if alone := sorted(found.keys() - pictures.keys()):
        raise ValueError(f"the masks of {_listed(alone)} in {place} have no picture.")
    return [(pictures[name], found[name]) for name in sorted(pictures)]


def _key(path: str, place: Path) -> str:
    return str(Path(path).relative_to(place).with_suffix(""))


def _named(name: str, apart: bool) -> str:
    return f"{MASKS}/{name}.png" if apart else f"{name}{SUFFIX}.png"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SEVERAL} more" if len(names) > SEVERAL else ""
    return f"{', '.join(names[:SEVERAL])}{more}"


def _read(place: Path, image_size: Sequence[int] | None, reading: Reading) -> Arrays:
    every = pairs(place)
    with ThreadPoolExecutor(THREADS) as pool:
        read = list(pool.map(lambda pair: _one(pair, image_size, reading), every))
    sizes = {tuple(mask.shape) for _, mask in read}
    if len(sizes) > 1:
        (h, w), (other_h, other_w) = sorted(sizes)[:2]
        raise ValueError(
            f"the pictures of {place} are of {len(sizes)} sizes, {w}x{h} and {other_w}x{other_h} "
            "among them: set dataset.image_size=[HEIGHT,WIDTH]."
        )
    images = torch.stack([image for image, _ in read]).permute(0, 3, 1, 2).contiguous()
    ids = [str(Path(picture).relative_to(place.parent)) for picture, _ in every]
    targets = torch.stack([mask for _, mask in read])
    return Arrays(images, targets, ids=ids, task=Segmentation())


def _one(
    pair: tuple[str, str], image_size: Sequence[int] | None, reading: Reading
) -> tuple[Tensor, Tensor]:
    picture, mask = pair
    own, other = size_of(picture), size_of(mask)
    if own != other:
        raise ValueError(
            f"{mask} has {other[1]}x{other[0]} pixels and its picture {own[1]}x{own[0]}: a mask "
            "says of each pixel of a picture what it is."
        )
    height, width = image_size or own
    labels = read_mask(mask, (height, width), reading)
    few = int(labels.max()) <= torch.iinfo(torch.int16).max  # of more, the number is told later
    return read_image(picture, (3, height, width)), labels.short() if few else labels


def _alike(parts: Mapping[str, Arrays]) -> tuple[int, int, int]:
    shapes = {name: part.targets.shape[1:] for name, part in parts.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {w}x{h}" for name, (h, w) in shapes.items())
        raise ValueError(f"pictures differ in size: {told}; set dataset.image_size=[HEIGHT,WIDTH].")
    height, width = shapes["train"]
    return 3, height, width


def _check(split: Arrays, names: Sequence[str], place: Path) -> None:
    """Refuse numbers that are no class."""
    largest = split.targets.flatten(1).max(1).values
    wrong = (largest >= len(names)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        assert split.ids is not None
        raise ValueError(
            f"the mask of {split.ids[first]} in {place.parent} has the number "
            f"{int(largest[first])}, and there are {len(names)} classes, 0 to {len(names) - 1}: "
            "name more in dataset.classes, or the number in dataset.void=[255]."
        )
