"""A file of weights from anywhere, read as plain data: safetensors, or what torch saved."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kdrun.security import bounds, memory

CONVERT = "docs/models.md has the line of Python that writes its tensors as a plain state_dict"

SCALARS = "?bBhHiIlLqQefd"
"""numpy's letters for the kinds of one number; no kind that holds objects is among them."""


class Archive(NamedTuple):
    """What lies in a file.

    Attributes:
        tree: tensors and plain values by name, nested as in the file.
        said: text beside the tensors, which safetensors have; values that were JSON are parsed.
    """

    tree: dict[str, Any]
    said: dict[str, Any]

    def mappings(self) -> Iterator[Mapping[str, Any]]:
        """What may hold settings: the text, and every dict down to three levels."""
        yield self.said
        yield from _mappings(self.tree, 3, set())


def _mappings(tree: Mapping[str, Any], depth: int, seen: set[int]) -> Iterator[Mapping[str, Any]]:
    seen.add(id(tree))  # a pickle may hold one dict in a thousand places
    yield tree
    for value in tree.values() if depth else ():
        if id(value) in seen or not isinstance(value, dict):
            continue
        if not any(isinstance(v, Tensor) for v in value.values()):
            yield from _mappings(value, depth - 1, seen)


class Settings(dict[str, Any]):
    """Stands for an `argparse.Namespace` and the like: its attributes, and no class."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.update({str(key): value for key, value in state.items()})


class Kind:
    """Stands for a `numpy.dtype`, of which only the letter counts."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code = str(code)
        self.order: Literal["<", ">"] = "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] == ">":
            self.order = ">"


def number(kind: object, raw: object = b"") -> Any:
    """Stands for numpy's scalar: a Python number from its bytes; None for any other kind."""
    if not isinstance(kind, Kind) or not isinstance(raw, (bytes, str)):
        return None
    code = kind.code.lstrip("<>=|")
    if not re.fullmatch(f"[{re.escape(SCALARS)}]|[biuf][1248]", code):
        return None
    data = raw if isinstance(raw, bytes) else raw.encode("latin-1")
    wanted = np.dtype(code).newbyteorder(kind.order)
    return np.frombuffer(data, wanted)[0].item() if len(data) == wanted.itemsize else None


def encode(text: object = "", *_: object) -> bytes:
    """Stands for `codecs.encode`, by which old pickles write bytes."""
    return str(text).encode("latin-1", "replace")


def joined(*parts: object) -> str:
    """Stands for a path: its text."""
    return "/".join(map(str, parts))


STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *((number, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    (Kind, "numpy.dtype"),
    *((Kind, f"numpy.dtypes.{name}DType") for name in ("Float64", "Float32", "Int64")),
    (encode, "_codecs.encode"),
    *((Settings, name) for name in ("argparse.Namespace", "types.SimpleNamespace")),
    *((joined, f"pathlib.{name}Path") for name in ("Posix", "Windows", "PurePosix")),
    *((joined, f"pathlib._local.{name}Path") for name in ("Posix", "Windows", "PurePosix")),
]
"""Harmless things in place of classes that training scripts save beside weights. Not those classes
themselves: numpy's can be given flags by a file that make it read memory of others."""


def read_archive(path: Path) -> Archive:
    """Read a file of weights; nothing in it is run.

    Raises:
        ValueError: it holds no weights that can be read so; the message says what it is, and what
            to do.
    """
    start = look(path)
    if start[8:9] == b"{":
        return _read_safetensors(path)
    if not start.startswith((b"PK", b"\x80")) and b"./" not in start[:100]:
        raise ValueError(f"{path} is neither a safetensors file nor one that torch saved")
    tree = read_torch(path)
    _check_tensors(tree, path)
    if not isinstance(tree, Mapping):
        what = {list: "a list", tuple: "a tuple", Tensor: "a single tensor", int: "a number"}
        kind = what.get(type(tree), f"a {type(tree).__name__}")
        raise ValueError(f"{path} holds {kind}, not a state_dict: save model.state_dict()")
    return Archive({str(key): value for key, value in tree.items()}, {})


def look(path: Path) -> bytes:
    """The first bytes of a file that may hold weights.

    Raises:
        ValueError: it certainly holds none; the message says what it is.
    """
    with path.open("rb") as file:
        start = file.read(512)
    if told := _is_no_archive(start, path):
        raise ValueError(f"{path} {told}")
    return start


def _is_no_archive(start: bytes, path: Path) -> str:
    """What a file is that is certainly no archive; empty if it may be one."""
    if not start:
        return "is empty: fetch it again"
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the weights: fetch them with `git lfs pull`"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not weights: the download led to a page, so fetch the file itself"
    if start.startswith(b"\x89HDF"):
        return "is HDF5, as Keras writes it: export the network to ONNX and take teacher=onnx"
    if path.suffix == ".onnx":
        return "is an ONNX file: take teacher=onnx teacher.path=FILE"
    return ""


def _read_safetensors(path: Path) -> Archive:
    try:
        with safe_open(path, framework="pt") as opened:
            said = {key: _parsed(value) for key, value in (opened.metadata() or {}).items()}
            tree = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a whole safetensors file: {error}") from error
    return Archive(tree, said)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _check_tensors(tree: object, path: Path) -> None:
    """Refuse tensors that are larger than their numbers, or none that could be weights.

    Raises:
        ValueError: so they are; sizes and strides of a tensor are what the file says they are.
    """
    waiting, seen, taken = [tree], set[int](), 0
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            if value.layout is not torch.strided or value.device.type != "cpu" or value.is_nested:
                raise ValueError(f"{path} holds a tensor of another kind than weights: {CONVERT}")
            taken += value.numel() * value.element_size()
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value
    bounds.check(path, taken, "tensors that repeat their numbers")


def read_torch(path: Path, mmap: bool = False) -> Any:
    """What `torch.save` wrote, as tensors and plain values.

    Args:
        path: of the file.
        mmap: whether its tensors are read when they are looked at, and not before.

    Raises:
        ValueError: it is damaged, would take more than it may, or holds more than these.
    """
    damaged = f"{path} is not a readable checkpoint"
    bounds.check_zip(path, "unpacked")
    try:
        with (
            warnings.catch_warnings(),
            torch.serialization.safe_globals(STAND_INS),
            memory.watch(path, "as far as it was read"),
        ):
            warnings.simplefilter("ignore")  # of old formats, which nobody here can change
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except bounds.TooLargeError:
        raise
    except Exception as error:  # of any class: whatever bytes there are is not our mistake
        reason = str(error)
        # torch's own advice is to run the file, which is the one thing not to do.
        if found := re.search(r"GLOBAL (\S+)", reason):
            raise ValueError(
                f"{damaged}: it holds more than tensors, an object of {found[1]}, and is not run; "
                f"{CONVERT}"
            ) from error
        if "TorchScript" in reason:
            raise ValueError(f"{damaged}: it is a TorchScript program; {CONVERT}") from error
        if "weights_only" in reason or "Weights only" in reason:
            raise ValueError(
                f"{damaged}: it holds more than tensors, or is cut off; {CONVERT}"
            ) from error
        raise ValueError(f"{damaged}: it is cut off or damaged, so fetch it again") from error
