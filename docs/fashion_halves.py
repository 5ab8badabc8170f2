"""Write thumbnails of Fashion-MNIST for two teachers of five classes each, and for their student.

    KDRUN_DATA=... python docs/fashion_halves.py

writes low.npz (the classes 0 to 4), high.npz (5 to 9) and all.npz for dataset=npz: 4,000 training
images in all, stratified, and the first 2,000 test images, as means of 2x2 pixels.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kdrun.dataset.fashion_mnist import fashion_mnist

TRAIN, TEST = 4000, 2000


def shrunk(images: Tensor) -> NDArray[np.uint8]:
    """(N, 1, 28, 28) images as (N, 14, 14), each pixel the mean of four."""
    blocks = images.float().view(len(images), 14, 2, 14, 2)
    means: NDArray[np.uint8] = blocks.mean(dim=(2, 4)).round().byte().numpy()
    return means


def main() -> None:
    """Write the three files into the working folder."""
    data = fashion_mnist(os.environ.get("KDRUN_DATA", "data"), val_fraction=0, train_size=TRAIN)
    for name, classes in (("low", range(5)), ("high", range(5, 10)), ("all", range(10))):
        arrays = {"classes": np.array([data.classes[number] for number in classes])}
        for part, split, count in (("train", data.train, TRAIN), ("test", data.test, TEST)):
            targets = split.targets[:count]
            own = (targets >= classes[0]) & (targets <= classes[-1])
            arrays[f"x_{part}"] = shrunk(split.inputs[:count][own])
            arrays[f"y_{part}"] = (targets[own] - classes[0]).numpy()
        np.savez_compressed(f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
