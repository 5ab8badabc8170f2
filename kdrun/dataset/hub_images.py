"""Images of a dataset of Hugging Face, memory-mapped and decoded as they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from kdrun.config.nearest import nearest
from kdrun.dataset.answers import sort_names
from kdrun.dataset.arrow import address
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.decodable import refuse_damaged
from kdrun.dataset.domains import Labels, partly_labelled
from kdrun.dataset.hugging import library, open_dataset, refuse_outside
from kdrun.dataset.image import WHITE, Fit
from kdrun.dataset.split import channel_statistics
from kdrun.types import Dataset, Files


@with_cuts(test_fraction=0.2)
def hub_images(
    path: str,
    image: str | None = None,
    label: str = "label",
    image_size: int = 224,
    background: str = WHITE,
    crop_pct: float = 0.875,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
    labels: Labels = "all",
    download: bool = False,
    *,
    cuts: Cuts,
) -> Dataset:
    """A column of images and one of classes, with the splits that they come with.

    Without a test split one is cut off, stratified. A sample is called by its split and row.

    Args:
        path: a folder that `save_to_disk` wrote, or `hf://OWNER/NAME[@REVISION][:SUBSET]`.
        image: the column of the images; None for the only one.
        label: the column of their classes.
        image_size: height and width to which images are resized.
        background: the colour on which transparent pixels are put: white, black, '#rrggbb'.
        crop_pct: as of `image_folder`, as is the next.
        interpolation: by which pictures are resized.
        labels: `all`, `none`, or how many training samples keep their label.
        download: fetch a dataset from the hub that is not here yet.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it is no such dataset, lacks a column, or an image is damaged.
    """
    if image_size < 1:
        raise ValueError(f"dataset.image_size={image_size}: give 1 or more pixels.")
    (fit := Fit(background, crop_pct, interpolation)).check()
    found = open_dataset(path, download, label)
    column = _column(found.parts["train"], image, label, path)
    classes = _classes(found.parts["train"], label, path)
    parts = {}
    for name, part in found.parts.items():
        paths = _addresses(part, column, found.root)
        targets = torch.tensor(_numbers(part, label, classes, path))
        ids = [f"{name}/{row}" for row in range(len(paths))]
        parts[name] = Files(paths, targets, image_size, ids=ids, **fit._asdict())
    refuse_damaged(str(found.root), [one for part in parts.values() for one in part.paths])
    cut = partly_labelled(parts["train"], parts.get("test"), parts.get("val"), labels, cuts)
    shape, statistics = (3, image_size, image_size), channel_statistics(cut[0])
    return Dataset(*cut, classes, shape, *statistics, reader=fit.told, notes=tuple(found.notes))


def _column(part: Any, image: str | None, label: str, path: str) -> str:
    """The column of the images, where there is one, and one of labels."""
    kind = library().Image
    pictures: list[str] = [
        name for name, feature in part.features.items() if isinstance(feature, kind)
    ]
    if label not in part.features:
        hint = nearest(label, part.column_names)
        raise ValueError(f"{path} has no column dataset.label={label}; {hint}")
    if image is None and len(pictures) == 1:
        return pictures[0]
    if image is not None and image in pictures:
        return image
    told = f"dataset.image={image}" if image else "dataset.image"
    raise ValueError(f"{told}: the columns of images of {path} are {', '.join(pictures) or 'none'}")


def _classes(part: Any, label: str, path: str) -> list[str]:
    """The names of the classes: those of a ClassLabel in its order; others as they sort."""
    if (names := getattr(part.features[label], "names", None)) is not None:
        return list(names)
    found = part.with_format(None).data.column(label).unique().to_pylist()
    if any(isinstance(value, list | dict | float) for value in found):
        raise ValueError(f"{path}: dataset.label={label} holds {found[0]!s:.40}, and no class")
    return sort_names(str(value) for value in found if value is not None)


def _numbers(part: Any, label: str, classes: list[str], path: str) -> list[int]:
    """The place of each sample's class."""
    values = part.with_format(None).data.column(label).to_pylist()
    known = getattr(part.features[label], "names", None) is not None
    places = {name: place for place, name in enumerate(classes)}
    found = [v if known else places.get(str(v)) for v in values]
    for row, (value, place) in enumerate(zip(values, found, strict=True)):
        if place is None or place < 0:
            raise ValueError(
                f"{path}: row {row} has the label {value}, which is no class of train: drop it"
            )
    return [int(place) for place in found if place is not None]


def _addresses(part: Any, column: str, root: Path) -> list[str]:
    """Where each picture lies: in an Arrow file, or beside the others in a file of its own."""
    import pyarrow

    found = []
    cells = part.with_format(None).data.column(column)
    apart = pyarrow.compute.struct_field(cells, "bytes").null_count
    if not apart:
        for file in (one["filename"] for one in part.cache_files):
            rows = pyarrow.ipc.open_stream(pyarrow.memory_map(file)).read_all().num_rows
            found += [address(row, column, file) for row in range(rows)]
        if len(found) == len(part):
            return found
        raise ValueError(f"{root}: its rows were chosen or shuffled: write it with save_to_disk")
    places = [str(cell["path"]) for cell in cells.to_pylist()]
    for place in places:
        refuse_outside(place, root)
    return places
