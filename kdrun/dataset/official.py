"""Datasets in the files that their authors published, read by torchvision."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from kdrun.dataset.cuts import Cuts
from kdrun.sample import shape_of
from kdrun.types import Arrays, Dataset


def official(
    name: str,
    root: str,
    download: bool,
    cuts: Cuts,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Dataset:
    """A dataset of `torchvision.datasets` with a training and a test split of its own.

    Args:
        name: as for `read_official`; so are `root` and `download`.
        cuts: how the data are cut.
        mean: of each channel, on the scale [0, 1].
        std: likewise the deviation.

    Raises:
        FileNotFoundError: the files are not in `root`.
        ValueError: the files are damaged or cannot be fetched, or a fraction or size does not fit.
    """
    whole, own_test, classes = read_official(name, root, download)
    train, val, test = cuts.split(whole, own_test)
    return Dataset(train, val, test, classes, shape_of(whole.inputs), mean, std)


def read_official(name: str, root: str, download: bool) -> tuple[Arrays, Arrays, list[str]]:
    """Read the training and the test images of a dataset.

    Args:
        name: a class of `torchvision.datasets` that holds its images in one array.
        root: the folder in which torchvision looks for the files.
        download: fetch what is missing.

    Returns:
        Training images, test images, and the names of the classes.

    Raises:
        FileNotFoundError: the files are not in `root`.
        ValueError: the files are damaged, or cannot be fetched.
    """
    from torchvision import datasets

    reader = getattr(datasets, name)
    try:
        with _alone(root) if download else nullcontext(), warnings.catch_warnings():
            # CIFAR's pickles are of Python 2, where numpy's flags were integers.
            warnings.filterwarnings("ignore", message=r"dtype\(\): align should be passed")
            train = reader(root, train=True, download=download)
            test = reader(root, train=False, download=download)
    except (RuntimeError, ValueError, AssertionError, EOFError, IndexError, OSError) as fault:
        told = str(fault) or "a file is damaged"
        kind = FileNotFoundError if told.startswith("Dataset not found") else ValueError
        raise kind(
            f"{name} cannot be read from dataset.root={root} ({Path(root).resolve()}): {told}. "
            "Name the folder that holds its complete files, or remove damaged ones and set "
            "dataset.download=true to fetch them."
        ) from fault
    return _arrays(train), _arrays(test), list(train.classes)


def _alone(root: str) -> FileLock:
    """Keeps the other runs of a sweep from fetching the same files at the same time."""
    Path(root).mkdir(parents=True, exist_ok=True)
    return FileLock(Path(root) / ".download.lock")


def _arrays(dataset: Any) -> Arrays:
    images = torch.as_tensor(dataset.data)  # (N, H, W), or (N, H, W, C) in colour
    images = images[:, None] if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return Arrays(images, torch.as_tensor(dataset.targets, dtype=torch.int64))
