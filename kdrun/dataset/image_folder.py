"""Images of the user's own, in a folder per class."""

from __future__ import annotations

from pathlib import Path

import torch

from kdrun.dataset.fold import Fold, redivide
from kdrun.dataset.image import SUFFIXES
from kdrun.dataset.split import channel_statistics, cut
from kdrun.target import nearest
from kdrun.types import Dataset, Files


def image_folder(
    root: str,
    image_size: int = 224,
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    fold: Fold | None = None,
) -> Dataset:
    """JPEG and PNG files as `root/train/CLASS/…` and `root/test/CLASS/…`.

    A folder `root/val` of the same kind is the validation split, whatever `val_fraction` says.
    Files are decoded when a batch needs them, as RGB, their centre cut to a square.

    Args:
        root: the folder.
        image_size: height and width to which images are resized.
        val_fraction: how much of the training data is for model selection.
        split_seed: what the validation and training splits are a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        fold: of the training samples, tested on instead of the test split; None for that one.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a folder holds no images, or a class is not among the training classes.
    """
    if image_size < 1:
        raise ValueError(f"dataset.image_size={image_size}: give 1 or more pixels.")
    if not Path(root).is_dir():
        raise FileNotFoundError(
            f"there is no folder dataset.root={root} ({Path(root).resolve()}): name one that "
            "holds train/ and test/, each with a folder of images for each class."
        )
    found = {part: _folders(Path(root) / part) for part in ("train", "test")}
    if (Path(root) / "val").is_dir():
        found["val"] = _folders(Path(root) / "val")
    classes = list(found["train"])
    parts = {part: _split(root, part, found[part], classes, image_size) for part in found}
    given = parts.get("val")
    rest, test = redivide(parts["train"], parts["test"], split_seed, fold)
    train, val = cut(rest, 0 if given else val_fraction, split_seed, train_size)
    mean, std = channel_statistics(train)
    shape = (3, image_size, image_size)
    return Dataset(train, given or val, test, classes, shape, mean, std)


def image_files(folder: Path) -> list[str]:
    """The images in a folder and below, in the order of their names; hidden ones are left out."""
    return sorted(
        str(path)
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(name.startswith(".") for name in path.relative_to(folder).parts)
    )


def _folders(part: Path) -> dict[str, list[str]]:
    """The files of each class."""
    if not part.is_dir():
        raise FileNotFoundError(f"there is no folder {part}: put a folder for each class there.")
    names = sorted(p.name for p in part.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise ValueError(f"{part} holds no folders: put the images of each class into one.")
    files = {name: image_files(part / name) for name in names}
    for name, paths in files.items():
        if not paths:
            raise ValueError(
                f"{part / name} holds no images ({', '.join(SUFFIXES)}): add some, or remove it."
            )
    return files


def _split(
    root: str, part: str, files: dict[str, list[str]], classes: list[str], image_size: int
) -> Files:
    paths, targets = [], []
    for name, found in files.items():
        if name not in classes:
            raise ValueError(
                f"the class '{name}' of {Path(root) / part} is not in {Path(root) / 'train'}, so "
                f"nothing could learn it; {nearest(name, classes)}"
            )
        paths += found
        targets += [classes.index(name)] * len(found)
    return Files(paths, torch.tensor(targets), image_size)
