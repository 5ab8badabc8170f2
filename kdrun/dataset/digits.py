"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

import torch

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.split import channel_statistics
from kdrun.types import Arrays, Dataset


@with_cuts(test_fraction=0.2)
def digits(*, cuts: Cuts) -> Dataset:
    """1,797 grey images of 8x8 pixels in 10 classes. Alpaydin, Kaynak, UCI, 1998.

    Args:
        cuts: how the data are cut; its fields are arguments.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    train, val, test = cuts.split(read_digits())
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
