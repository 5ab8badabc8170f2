"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

import torch

from kdrun.dataset.split import channel_statistics, cut, hold_out, select
from kdrun.types import Arrays, Dataset


def digits(
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    test_fraction: float = 0.2,
) -> Dataset:
    """1,797 grey images of 8x8 pixels in 10 classes. Alpaydin, Kaynak, UCI, 1998.

    Args:
        val_fraction: how much of the training data is for model selection.
        split_seed: what the test, validation and training splits are a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        test_fraction: how much of all is for testing.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    whole = read_digits()
    rest, held = hold_out(whole.targets, test_fraction, split_seed, "test_fraction")
    train, val = cut(select(whole, rest), val_fraction, split_seed, train_size)
    mean, std = channel_statistics(train)
    classes = [str(digit) for digit in range(10)]
    return Dataset(train, val, select(whole, held), classes, (1, 8, 8), mean, std)


def read_digits() -> Arrays:
    """All of the images, in scikit-learn's order."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    # 17 levels of grey, 0 to 16, spread over a byte.
    images = torch.from_numpy(pixels).mul(255 / 16).round().to(torch.uint8).view(-1, 1, 8, 8)
    return Arrays(images, torch.from_numpy(labels).to(torch.int64))
