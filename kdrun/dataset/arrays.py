"""Arrays from .npz files, checked and brought into the form of a split."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdrun.dataset.members import Members
from kdrun.security.bounds import is_plain

Array = NDArray[Any]


def read_npz(path: str | Path) -> Members:
    """The arrays of an .npz file that holds plain data; each is read when it is asked for.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no .npz file.
    """
    if not is_plain(path):
        raise FileNotFoundError(f"there is no file {path}: give one that numpy.savez wrote.")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not an .npz file: write one with numpy.savez.")
    return Members(path)


def require(arrays: Mapping[str, Array], name: str, path: str | Path) -> Array:
    """The array of this name.

    Raises:
        ValueError: there is none; the message tells what there is.
    """
    if name not in arrays:
        raise ValueError(
            f"{path} holds no array '{name}', but {', '.join(sorted(arrays)) or 'nothing'}: "
            "save it under this name."
        )
    return arrays[name]


def to_inputs(array: Array, name: str) -> Tensor:
    """Images as (N, C, H, W) uint8, or rows as (N, D) float32.

    Args:
        array: integers from 0 to 255 shaped (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3
            channels (C last where both are possible), or numbers shaped (N, D).
        name: for the messages.

    Raises:
        ValueError: another type or shape; NaN or infinity among the rows.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} holds {array.dtype}, not numbers: encode it as numbers.")
    if array.ndim == 2:
        return _rows(array, name)
    colour = array.ndim == 4 and array.shape[3] in (1, 3)
    if array.ndim == 3:
        array = array[..., None]
    elif array.ndim == 4 and array.shape[1] in (1, 3) and not colour:
        array = array.transpose(0, 2, 3, 1)
    elif not colour:
        raise ValueError(
            f"{name} has the shape {array.shape}: give rows (N, D), or images (N, H, W), "
            "(N, H, W, C) or (N, C, H, W) with C = 1 or 3."
        )
    small = array.size == 0 or 0 <= array.min() <= array.max() <= 255
    if array.dtype.kind == "f" or not small:
        raise ValueError(_no_pixels(array, name))
    return torch.from_numpy(np.ascontiguousarray(array, np.uint8)).permute(0, 3, 1, 2)


def _no_pixels(array: Array, name: str) -> str:
    """What to do with images that are no integers from 0 to 255."""
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not np.isfinite([low, high]).all():
        return f"{name} holds images with NaN or infinity: repair or drop them."
    if array.dtype.kind != "f" and low >= 0 and high <= 65535:
        advice = f"divide by {'16, as of 12 bits' if high < 4096 else '257, as of 16 bits'}"
    elif array.dtype.kind != "f" and -128 <= low < 0 and high <= 127:
        advice = "add 128, if black is -128"
    elif low >= 0 and high <= 1:
        advice = "multiply by 255"
    elif -1 <= low < 0 and high <= 1:
        advice = "add 1 and multiply by 127.5, if black is -1"
    elif low >= 0 and high <= 255:
        advice = "nothing to scale"
    else:
        advice = "undo the normalisation, if there was one"
    return (
        f"{name} holds {array.dtype} images of {low:.6g} to {high:.6g}, and pixels are uint8 from "
        f"0 (black) to 255 (white): {advice}; then x.round().astype('uint8'). If they are no "
        "images, give rows, x.reshape(len(x), -1)."
    )


def _rows(array: Array, name: str) -> Tensor:
    with np.errstate(over="ignore"):
        rows = array.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"{name}[{row}, {column}] is {array[row, column]}: values must be finite in float32, "
            f"and {len(wrong)} are not. Fill or drop them first."
        )
    return torch.from_numpy(rows)


def to_labels(array: Array, name: str) -> Tensor:
    """Class labels as (N,) int64.

    Args:
        array: whole numbers from 0, of any type, shaped (N,) or (N, 1).
        name: for the messages.

    Raises:
        ValueError: something else; the message tells the first position.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"{name} holds {array.dtype}: give each class a number from 0, and their names in "
            "the array 'classes'."
        )
    if array.ndim != 1 and array.shape != (len(array), 1):
        one_hot = array.ndim == 2 and (array != 0).sum(1).max(initial=0) == 1
        hint = f": {name}.argmax(1), if it is one-hot" if one_hot else ""
        raise ValueError(
            f"{name} has the shape {array.shape}: give one label a sample, (N,){hint}."
        )
    flat = array.reshape(-1)
    wrong = np.flatnonzero(~np.isfinite(flat) | (flat != np.floor(flat)) | (flat < 0))
    if len(wrong):
        raise ValueError(
            f"{name}[{wrong[0]}] is {flat[wrong[0]]}: a label is a whole number from 0, the "
            f"position of its class. {len(wrong)} labels are not."
        )
    return torch.from_numpy(flat.astype(np.int64))


def to_names(array: Array, name: str) -> list[str]:
    """The names of classes, each once.

    Args:
        array: text, bytes of UTF-8, or numbers.
        name: for the messages.

    Raises:
        ValueError: two are the same; the message tells which and where.
    """
    places: dict[str, int] = {}
    for place, value in enumerate(array.reshape(-1).tolist()):
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
        if text in places:
            raise ValueError(
                f"{name}[{places[text]}] and {name}[{place}] are both '{text}': give each class a "
                "name of its own."
            )
        places[text] = place
    return list(places)


def pack(array: Array) -> dict[str, Any]:
    """An array of numbers as plain values, for JSON; `unpack` gives back the same bits."""
    whole = np.ascontiguousarray(array)
    data = base64.b64encode(whole.tobytes()).decode()
    return {"dtype": whole.dtype.str, "shape": list(whole.shape), "data": data}


def unpack(packed: Mapping[str, Any]) -> Array:
    """The array that `pack` was given."""
    flat = np.frombuffer(base64.b64decode(packed["data"]), np.dtype(packed["dtype"]))
    return flat.reshape(packed["shape"])
