"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

import torch

from kdrun.dataset.fold import Fold, divide
from kdrun.dataset.split import channel_statistics, cut
from kdrun.types import Arrays, Dataset


def digits(
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    test_fraction: float = 0.2,
    fold: Fold | None = None,
) -> Dataset:
    """1,797 grey images of 8x8 pixels in 10 classes. Alpaydin, Kaynak, UCI, 1998.

    Args:
        val_fraction: how much of the training data is for model selection.
        split_seed: what the test, validation and training splits are a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        test_fraction: how much of all is for testing.
        fold: what is tested on in cross-validation; None for the split of `test_fraction`.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    rest, test = divide(read_digits(), test_fraction, split_seed, fold)
    train, val = cut(rest, val_fraction, split_seed, train_size)
    mean, std = channel_statistics(train)
    classes = [str(digit) for digit in range(10)]
    return Dataset(train, val, test, classes, (1, 8, 8), mean, std)


def read_digits() -> Arrays:
    """All of the images, in scikit-learn's order."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    # 17 levels of grey, 0 to 16, spread over a byte.
    images = torch.from_numpy(pixels).mul(255 / 16).round().to(torch.uint8).view(-1, 1, 8, 8)
    return Arrays(images, torch.from_numpy(labels).to(torch.int64))
