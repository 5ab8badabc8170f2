"""CIFAR-10: small photographs."""

from __future__ import annotations

from kdrun.dataset.fold import Fold, redivide
from kdrun.dataset.official import read_official
from kdrun.dataset.split import cut
from kdrun.types import Dataset

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def cifar10(
    root: str,
    download: bool = False,
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    fold: Fold | None = None,
) -> Dataset:
    """50,000 + 10,000 colour images of 32x32 pixels in 10 classes.

    Krizhevsky, 2009. https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        root: the folder that holds `cifar-10-batches-py/`.
        download: fetch the files if they are missing.
        val_fraction: how much of the training data is for model selection.
        split_seed: what the validation and training splits are a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        fold: of the training samples, tested on instead of the test split; None for that one.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are damaged, or a fraction or size does not fit.
    """
    whole, official, classes = read_official("CIFAR10", root, download)
    train, test = redivide(whole, official, split_seed, fold)
    rest, val = cut(train, val_fraction, split_seed, train_size)
    return Dataset(rest, val, test, classes, (3, 32, 32), MEAN, STD)
