"""Digits that tell data from other data."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from kdrun.dataset.arrow import digests as of_pictures
from kdrun.files.fingerprint import combined
from kdrun.types import Files, Split


def digest(split: Split) -> str:
    """Eight digits that tell one split of data from another."""
    found = hashlib.sha256(split.targets.numpy().tobytes())
    if isinstance(split, Files):
        found.update(combined(of_pictures(split.paths)).encode())
    else:
        inputs = split.inputs if isinstance(split.inputs, dict) else {"": split.inputs}
        for tensor in inputs.values():
            found.update(tensor.contiguous().numpy().data)
    return found.hexdigest()[:8]


def inputs_digest(split: Split) -> str:
    """Digits that tell the inputs of one split from others, whatever is said of them."""
    found = hashlib.sha256()
    if isinstance(split, Files):
        told = [*of_pictures(split.paths), str(split.image_size), split.background]
        if (how := (split.crop_pct, split.interpolation)) != (1.0, "bilinear"):
            told.append(str(how))
        return combined(told)
    inputs = split.inputs if isinstance(split.inputs, dict) else {"": split.inputs}
    for name, tensor in inputs.items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().numpy().data)
    return found.hexdigest()


def digests(split: Split) -> list[str]:
    """Sixteen digits for each sample that tell its numbers, or its file, from others."""
    if isinstance(split, Files):
        return [digest[:16] for digest in of_pictures(split.paths)]
    inputs = split.inputs if isinstance(split.inputs, dict) else {"": split.inputs}
    arrays = [tensor.contiguous().numpy() for tensor in inputs.values()]
    return [_short(b"".join(a[i].tobytes() for a in arrays)) for i in range(len(split))]


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def numbers(split: Split) -> npt.NDArray[np.uint64]:
    """(N,) a number for each sample that tells it, as it was read, from others."""
    if not isinstance(split, Files) and split.marks is not None:
        return split.marks.numpy().view(np.uint64)
    return np.array([int(digest, 16) for digest in digests(split)], np.uint64)
