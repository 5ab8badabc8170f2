"""Weights and training state as files: written atomically, read as data, never as code."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from kdrun.config.identity import holder
from kdrun.files.archive import look, read_torch
from kdrun.files.fingerprint import contents
from kdrun.hub.place import local
from kdrun.results.record import atomic, write_atomic
from kdrun.run.folder import CHECKPOINT, STUDENT
from kdrun.security import bounds
from kdrun.security.header import parse_header, parse_object

HEADER = "kdrun"
READER = "kdrun.reader"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a training state; the one before stays until the new one is whole."""
    with atomic(path) as temporary:
        torch.save(state, temporary)


def load_state(path: Path, mmap: bool = False) -> dict[str, Any]:
    """Read a training state onto the CPU.

    Args:
        path: of the file.
        mmap: whether its tensors are read when they are looked at, and not before.

    Raises:
        ValueError: the file is damaged, or holds more than tensors and plain values.
    """
    state = read_torch(path, mmap)
    if not isinstance(state, dict):
        raise ValueError(f"{path} is not a readable checkpoint: it holds a {type(state).__name__}")
    return state


def malformed(what: str) -> str:
    """What to say of a training state that kdrun did not write."""
    return f"it is not what a run of kdrun leaves ({what:.200}); without it the run begins anew"


class Begun(NamedTuple):
    """What a run computes in, beside its config: with another of these its bits are others.

    Attributes:
        precision: `fp32` or `bf16`; None where an older kdrun did not write it down.
        threads: of its process; likewise.
    """

    precision: str | None = None
    threads: int | None = None


def begun(run_dir: Path) -> Begun:
    """In what a run began that is to go on; its tensors are not read.

    Raises:
        ValueError: its checkpoint is damaged.
    """
    path = run_dir / CHECKPOINT
    if not path.exists():
        return Begun()
    state = load_state(path, mmap=True)
    precision, threads = state.get("precision"), state.get("threads")
    if not isinstance(precision, str | None) or type(threads) not in (int, type(None)):
        raise ValueError(f"{path} is not a readable checkpoint: {malformed('precision, threads')}")
    return Begun(precision, threads)


def save_student(
    path: Path,
    weights: dict[str, Tensor],
    header: dict[str, Any],
    reader: Mapping[str, Any] | None = None,
) -> None:
    """Write final weights, with what is needed to rebuild the model in the file's header.

    Args:
        path: a .safetensors file.
        weights: the state of a `Network`.
        header: model config, classes, shape, mean and std.
        reader: of new files, as `Dataset.reader`. It can be longer than a header may be, and so is
            a tensor of bytes.
    """
    tensors: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, tensor in weights.items():
        whole = tensor.detach().cpu().contiguous()
        # safetensors holds no tensor twice, as networks do that tie weights.
        tensors[name] = whole.clone() if whole.data_ptr() in places else whole
        places.add(whole.data_ptr())
    if reader is not None:
        packed = zlib.compress(json.dumps(reader).encode())
        tensors[READER] = torch.frombuffer(bytearray(packed), dtype=torch.uint8)
    write_atomic(path, save(tensors, metadata={HEADER: json.dumps(header)}))


def weights_file(path: Path | str) -> Path:
    """The weights that a path means: itself, or the student of a run's folder.

    `hf://OWNER/NAME` is such a folder too, as `kdrun push` writes it.

    Raises:
        FileNotFoundError: there are none.
    """
    path = Path(local(str(path)))
    file = path / STUDENT if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} does not exist; give the folder of a finished run, or a file of weights "
            "(.safetensors, or a state_dict as .pt)"
        )
    return file


def origin(name: str, path: Path | str) -> dict[str, str]:
    """Where weights came from, as a record tells it: `layout.Record.teachers`."""
    file = weights_file(path)
    found = {"name": name, "path": str(path), "weights_sha256": contents([str(file)])[0]}
    identity = holder(file.parent)
    return {**found, "identity": identity} if identity else found


def read_header(path: Path | str) -> dict[str, Any]:
    """What a weights file says of its model, without reading the weights.

    Returns:
        The header of `save_student`; empty for weights that were not written by kdrun.

    Raises:
        ValueError: the file is damaged.
        FileNotFoundError: it does not exist.
    """
    file = weights_file(path)
    if file.suffix != ".safetensors":
        return {}
    look(file)
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{file} is not a whole safetensors file: {error}") from error
    return parse_header(metadata[HEADER], file) if HEADER in metadata else {}


def read_reader(path: Path | str) -> dict[str, Any] | None:
    """How new files are read for a student of tables or texts; None where its file says nothing.

    Raises:
        ValueError: the file is damaged.
        FileNotFoundError: it does not exist.
    """
    file = weights_file(path)
    if file.suffix != ".safetensors":
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            if READER not in opened.keys():  # noqa: SIM118  # no mapping
                return None
            packed = opened.get_tensor(READER)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{file} is not a whole safetensors file: {error}") from error
    if packed.dtype != torch.uint8:
        raise ValueError(f"{file}: its reader is {packed.dtype}, not bytes")
    try:
        text = bounds.inflate(packed.numpy().tobytes(), file, "its reader")
    except zlib.error as error:
        raise ValueError(f"{file}: its reader is damaged ({error})") from error
    return parse_object(text, file, "its reader")


def load_weights(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a weights file that kdrun wrote, by the names of a `Network`.

    Raises:
        ValueError: the file is damaged, or not such a file.
        FileNotFoundError: it does not exist.
    """
    file = weights_file(path)
    try:
        weights = load_file(file)
        weights.pop(READER, None)
        return weights
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{file} is not a whole safetensors file: {error}") from error
