"""The idx format of MNIST and its kin."""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path

import numpy as np

from kdrun.dataset.arrays import Array
from kdrun.security import bounds

FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""The four files of a dataset, each also with .gz, as MNIST names them."""


def read_idx_folder(folder: str | Path) -> dict[str, Array]:
    """Training and test images and labels of a folder, under the names of an .npz file.

    Raises:
        FileNotFoundError: one of `FILES` is missing.
        ValueError: one is damaged.
    """
    return {key: read_idx(_find(Path(folder) / name)) for key, name in FILES.items()}


def _find(path: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    if not path.is_file() and not packed.is_file():
        raise FileNotFoundError(
            f"there is no file {path}: a folder of idx files holds {', '.join(FILES.values())}, "
            "each as it is or with .gz."
        )
    return path if path.is_file() else packed


def read_idx(path: str | Path) -> Array:
    """The array of bytes in an idx file: two zeros, the type, the rank, the sizes, the values.

    LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist, bottom of the page.

    Raises:
        ValueError: it is no such file, does not hold as many bytes as it says, or unpacks to more
            than it may.
    """
    content = bounds.read(path)
    rank = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * rank:
        raise ValueError(f"{path} is no idx file of bytes.")
    sizes = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    # A bytearray makes the array writable, as torch wants it.
    values = np.frombuffer(bytearray(content), np.uint8, offset=4 + 4 * rank)
    if len(values) != prod(sizes):
        raise ValueError(
            f"{path} is damaged: {len(values)} bytes where its header tells of "
            f"{'x'.join(map(str, sizes))}. Fetch it again."
        )
    return values.reshape(sizes)
