"""Images of the user's own, in a folder per class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from kdrun.config.instantiate import nearest
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.decodable import refuse_damaged
from kdrun.dataset.domains import Labels, partly_labelled
from kdrun.dataset.folder_groups import Group, folder_groups
from kdrun.dataset.image import WHITE, Fit, readable
from kdrun.dataset.split import channel_statistics
from kdrun.dataset.walk import count_beside, folders, image_files, leads_out, left_out, spelled
from kdrun.types import Dataset, Files

VALIDATION = ("val", "valid", "validation", "dev")
"""What a folder of the validation split may be called."""

WHOLE = "whole"
"""The one part of a folder that holds classes, and no splits."""

SPLITS = ("train", "training", "test", "testing", *VALIDATION)
"""How folders of splits are called, in any case; only `train` and `test` are read as such."""


@with_cuts(test_fraction=0.2)
def image_folder(
    root: str,
    image_size: int = 224,
    background: str = WHITE,
    crop_pct: float = 0.875,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
    labels: Labels = "all",
    group: Group = "auto",
    *,
    cuts: Cuts,
) -> Dataset:
    """Image files of any common kind as `root/train/CLASS/…` and `root/test/CLASS/…`.

    A folder `root/val` (or `valid`, `validation`, `dev`) is the validation split, whatever
    `val_fraction` says. Where there are no splits, but `root/CLASS/…`, a test split is cut off,
    stratified. Files are decoded when a batch needs them, as RGB, their centre cut to a square;
    that each can be decoded is found out at once. A sample is called by its path, `CLASS/…/FILE`.

    Args:
        root: the folder.
        image_size: height and width to which images are resized.
        background: the colour on which transparent pixels are put: white, black, '#rrggbb'.
        crop_pct: as timm has it: the shorter side becomes image_size / crop_pct pixels, and the
            middle is cut out; 1: the middle of the whole picture.
        interpolation: by which pictures are resized.
        labels: `all`, `none`, or how many training samples keep their label; with less than `all`
            there is no validation split either.
        group: which images stay together in every cut: `kdrun.dataset.folder_groups`.
        cuts: how the data are cut; its fields are arguments. `test_fraction` is read where there
            is no `root/test` alone.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a folder has no images or a class that is not in training, a file is damaged.
    """
    if image_size < 1:
        raise ValueError(f"dataset.image_size={image_size}: give 1 or more pixels.")
    (fit := Fit(background, crop_pct, interpolation)).check()
    places = _places(Path(root))
    left = {part: Counter[str]() for part in places}
    found = {part: _classes(place, left[part]) for part, place in places.items()}
    main = WHOLE if WHOLE in found else "train"
    classes = list(found[main])
    parts = {p: _split(places[p], f, classes, image_size, fit) for p, f in found.items()}
    refuse_damaged(root, _paths(parts))
    grouped = folder_groups(parts[main].ids or [], group)
    parts[main] = replace(parts[main], groups=grouped.groups)
    cut = partly_labelled(parts[main], parts.get("test"), parts.get("val"), labels, cuts)
    return Dataset(
        *cut,
        classes,
        (3, image_size, image_size),
        *channel_statistics(cut[0]),
        reader=fit.told,
        notes=(
            *_notes(Path(root), places, classes, left),
            *_of_cuts(Path(root), parts, cuts),
            *filter(None, [grouped.note, leads_out(Path(root), _paths(parts))]),
        ),
    )


def _paths(parts: Mapping[str, Files]) -> list[str]:
    return [path for split in parts.values() for path in split.paths]


def _places(root: Path) -> dict[str, Path]:
    """The folders of the splits."""
    if not root.is_dir():
        raise FileNotFoundError(
            f"there is no folder dataset.root={root} ({root.resolve()}): name one that "
            "holds train/ and test/, each with a folder of images for each class."
        )
    there = folders(root)
    given = [name for name in VALIDATION if name in there]
    if len(given) > 1:
        raise ValueError(
            f"{root} holds {' and '.join(f'{name}/' for name in given)}: one of them can be the "
            "validation split; rename or remove the others."
        )
    if there and not {name.lower() for name in there} & {*SPLITS}:
        _refuse_around(root, there)
        return {WHOLE: root}
    for part in ("train", "test"):
        if part not in there:
            others = ", ".join(there[:5]) + (", ..." if len(there) > 5 else "")
            beside = f"; it holds the folders {others}" if there else ""
            raise FileNotFoundError(
                f"there is no folder {root / part}{beside}. Put a folder of images for each "
                f"class into {root / 'train'}, and other images of each into {root / 'test'}."
            )
    named = {"train": "train", "test": "test", **({"val": given[0]} if given else {})}
    return {part: root / name for part, name in named.items()}


def _refuse_around(root: Path, there: list[str]) -> None:
    """Refuse a folder around the data: its folders would be taken for classes.

    Raises:
        FileNotFoundError: it is one.
    """
    for name in there:
        if {below.lower() for below in folders(root / name)} & {*SPLITS}:
            raise FileNotFoundError(
                f"there is no folder {root / 'train'}, but {root / name} holds splits: "
                f"dataset.root={root / name}"
            )


def _of_cuts(root: Path, parts: Mapping[str, Files], cuts: Cuts) -> Iterator[str]:
    """How a test split was cut off, where none came with the data."""
    if WHOLE not in parts:
        return
    share = f"{cuts.test_fraction:.0%} of each"
    if parts[WHOLE].groups is not None:
        share = f"as near to {cuts.test_fraction:.0%} as whole folders allow"
    if cuts.fold:
        share = f"one of {cuts.fold.of} folds"
    yield (
        f"{root} holds classes and no train/ and test/: {share} is the test split, chosen by "
        "dataset.split_seed (dataset.test_fraction)"
    )


def _classes(place: Path, left: Counter[str]) -> dict[str, list[str]]:
    """The files of each class."""
    names = folders(place)
    if not names:
        raise ValueError(f"{place} holds no folders: put the images of each class into one.")
    files = {}
    for name in names:
        own = Counter[str]()
        files[spelled(name)] = image_files(place / name, own)
        if not files[spelled(name)]:
            told = left_out(own, "it")
            raise ValueError(
                f"{place / name} holds no images ({', '.join(readable())})"
                f"{f' ({told})' if told else ''}: add some, or remove it."
            )
        left += own
    count_beside(place, left)
    return files


def _check_known(place: Path, files: Mapping[str, list[str]], classes: list[str]) -> None:
    for name in files:
        if name not in classes:
            raise ValueError(
                f"the class '{name}' of {place} is not in {place.parent / 'train'}, so "
                f"nothing could learn it; {nearest(name, classes)}"
            )


def _split(
    place: Path, files: Mapping[str, list[str]], classes: list[str], size: int, fit: Fit
) -> Files:
    _check_known(place, files, classes)
    paths = [path for found in files.values() for path in found]
    targets = [classes.index(name) for name, found in files.items() for _ in found]
    ids = [spelled(Path(path).relative_to(place).as_posix()) for path in paths]
    return Files(paths, torch.tensor(targets), size, ids=ids, **fit._asdict())


def _notes(
    root: Path, places: Mapping[str, Path], classes: list[str], left: Mapping[str, Counter[str]]
) -> Iterator[str]:
    """What was assumed and left out."""
    if "val" in places and places["val"].name != "val":
        yield f"{places['val'].name}/ is the validation split"
    for part, place in places.items():
        if told := left_out(left[part], f"{place.name}/"):
            yield told
    used = {place.name for place in places.values()}
    if WHOLE not in places and (
        others := [f"{name}/" for name in folders(root) if name not in used]
    ):
        yield f"{', '.join(others)} of {root} not read: only train/, val/ and test/ are"
    if all(name.isdecimal() for name in classes) and classes != sorted(classes, key=int):
        shown = ", ".join(classes[:3])
        yield (
            f"classes stand in the order of their names as text ({shown}, ...): a network from "
            "elsewhere may have them in the order of numbers"
        )
