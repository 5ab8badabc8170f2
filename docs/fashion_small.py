"""Write thumbnails of Fashion-MNIST, on which the tables of docs/teachers.md are made in minutes.

    KDRUN_DATA=... python docs/fashion_small.py

writes fashion14.npz and fashion7.npz for dataset=npz: 1,000 training images, stratified, and the
first 2,000 test images, as means of 2x2 and of 4x4 pixels.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdrun.dataset.fashion_mnist import fashion_mnist

TRAIN, TEST = 1000, 2000


def shrunk(images: Tensor, by: int) -> NDArray[np.uint8]:
    """(N, 1, 28, 28) images as (N, 28 / by, 28 / by), each pixel the mean of by x by."""
    side = 28 // by
    blocks = images.float().view(len(images), side, by, side, by)
    means: NDArray[np.uint8] = blocks.mean(dim=(2, 4)).round().byte().numpy()
    return means


def main() -> None:
    """Write both files into the working folder."""
    data = fashion_mnist(os.environ.get("KDRUN_DATA", "data"), val_fraction=0, train_size=TRAIN)
    train, test = data.train, data.test
    for by in (2, 4):
        arrays = {
            "x_train": shrunk(train.inputs, by),
            "y_train": train.targets.numpy(),
            "x_test": shrunk(test.inputs[:TEST], by),
            "y_test": test.targets[:TEST].numpy(),
            "classes": np.array(data.classes),
        }
        np.savez_compressed(f"fashion{28 // by}.npz", **arrays)


if __name__ == "__main__":
    main()
