"""What a teacher said of whole splits, in files: memory-mapped arrays, each there whole or not.

Of each view of the training samples, and of the validation and test split, a file holds one tensor
of `Outputs` for all samples, by `Batch.index`: `view-00003.logits.npy`. `about.json` beside them
says what tensors there are, and what is to be known of the teacher without asking it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.results.record import atomic, write_atomic
from kdrun.security.wellformed import parse_json
from kdrun.teacher.keeping import Keeping
from kdrun.teacher.sparse import few, spread
from kdrun.types import Outputs

log = logging.getLogger(__name__)

ABOUT = "about.json"


def stem(view: int) -> str:
    """How the files of a view of the training samples begin."""
    return f"view-{view:05d}"


DTYPES = ("float64", "float32", "float16", "bfloat16", "int64")

Array = npt.NDArray[Any]
Parts = dict[str, dict[str, Array]]
"""Of each tensor by name, the arrays that stand for it, by the ending of their files."""


class Form(NamedTuple):
    """What a tensor is like, of one sample.

    Attributes:
        dtype: torch's name of it: `float32`.
        shape: without the dimension of samples.
        last: whether channels come last in memory, as in what was said.
    """

    dtype: str
    shape: tuple[int, ...]
    last: bool


def flat(outputs: Outputs, fields: Iterable[str]) -> dict[str, Tensor]:
    """Some fields of outputs, and how much each answer counts, as tensors by name."""
    found: dict[str, Tensor] = {}
    for field in (*fields, "weight"):
        value = getattr(outputs, field)
        if isinstance(value, Tensor):
            found[field] = value
        elif value is not None:
            found |= {f"{field}.{place}": tensor for place, tensor in enumerate(value)}
    return found


def whole(tensors: Mapping[str, Tensor]) -> Outputs:
    """The outputs of `flat`."""
    fields: dict[str, Any] = {}
    for name, tensor in tensors.items():
        field, _, place = name.partition(".")
        fields[field] = (*fields.get(field, ()), tensor) if place else tensor
    return Outputs(**fields)


def form_of(tensor: Tensor) -> Form:
    """What the tensors of all batches are like, from one of them."""
    last = tensor.ndim == 4 and not tensor.is_contiguous()
    return Form(str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape[1:]), last)


def encode(
    name: str, tensor: Tensor, form: Form, keep: Keeping, index: Tensor | None = None, view: int = 0
) -> dict[str, Array]:
    """The arrays in which a tensor is kept, by the ending of their files.

    Args:
        name: of the tensor.
        tensor: (N, ...) of some samples; logits of texts may be shorter than the form.
        form: of it.
        keep: in which format.
        index: (N,) the positions of the samples, where some are drawn; None for the first.
        view: of the samples, likewise.

    Raises:
        ValueError: a number is too large for half precision, or a sample is of another size.
    """
    if name == "logits" and tensor.ndim == 3 and tensor.shape[1] < form.shape[0]:
        # Texts are as long as the longest of their batch; what is beyond is never read.
        tensor = F.pad(tensor, (0, 0, 0, form.shape[0] - tensor.shape[1]))
    if tuple(tensor.shape[1:]) != form.shape:
        raise ValueError(
            f"{name} of samples differ in size, {[*form.shape]} and {[*tensor.shape[1:]]}: such "
            "answers cannot be kept; take teacher.cache=none or logits"
        )
    given = tensor.detach().cpu()
    given = given.permute(0, 2, 3, 1) if form.last else given
    if name == "logits" and keep.few and keep.few < form.shape[-1]:
        places = torch.arange(len(given)) if index is None else index.cpu()
        found = few(given, keep.few, keep.sampled, places, view)
        halves = {"values": _halves(name, found["values"])}
        arrays = {end: part.numpy() for end, part in found.items()} | halves
        return {f"{keep.format}.{end}": array for end, array in arrays.items()}
    if keep.format == "half" and given.dtype == torch.float32 and name != "weight":
        return {"half": _halves(name, given)}
    raw = given.contiguous()
    return {"": raw.view(torch.int16).numpy() if raw.dtype == torch.bfloat16 else raw.numpy()}


def _halves(name: str, values: Tensor) -> Array:
    halves = values.half()
    if bool((halves.isinf() & ~values.isinf()).any()):
        raise ValueError(f"{name} are too large for half precision: teacher.cache_format=float32")
    array: Array = halves.numpy()
    return array


def decode(name: str, parts: Mapping[str, Tensor], form: Form) -> Tensor:
    """The tensor of `encode`, on the device of its parts.

    Few logits are as `kdrun.teacher.sparse` chose them, to half precision.
    """
    dtype = getattr(torch, form.dtype)
    if "half" in parts:
        tensor = parts["half"].to(dtype)
    elif "" in parts:
        raw = parts[""]
        tensor = raw.view(torch.bfloat16) if dtype == torch.bfloat16 else raw
    else:
        ends = {key.rpartition(".")[2]: part for key, part in parts.items()}
        tensor = spread(ends, form.shape[-1], dtype)
    return tensor.permute(0, 3, 1, 2) if form.last else tensor


def look_up(
    rows: Mapping[str, Mapping[str, Array | Tensor]], index: Tensor, answers: Answers
) -> dict[str, Tensor]:
    """The tensors of some samples, by name.

    Args:
        rows: for all samples, as `Answers.open` gives them, or on a device.
        index: (N,) which samples.
        answers: that know what the tensors are like.
    """
    return {
        name: decode(name, {e: _taken(r, index) for e, r in ends.items()}, answers.forms[name])
        for name, ends in rows.items()
    }


def lay_out(parts: Parts, rows: dict[str, dict[str, Any]], device: torch.device) -> None:
    """Put arrays into tensors on a device, which stay where they are once they are made.

    Args:
        parts: the arrays.
        rows: the tensors by the same names, empty at first.
        device: where they lie.
    """
    for name, arrays in parts.items():
        place = rows.setdefault(name, {})
        for end, array in arrays.items():
            tensor = torch.from_numpy(array.copy())
            if end in place:
                place[end].copy_(tensor)
            else:
                place[end] = tensor.to(device)


def _taken(rows: Array | Tensor, index: Tensor) -> Tensor:
    if isinstance(rows, Tensor):
        return rows.index_select(0, index)
    return torch.from_numpy(np.asarray(rows[index.cpu().numpy()])).to(index.device)


class Answers:
    """The answers in one folder.

    Args:
        folder: which is there.
        keep: in which format they are kept.

    Attributes:
        about: what is known of the teacher.
        forms: of the tensors, by name; without the weight where all count alike.
    """

    def __init__(self, folder: Path, keep: Keeping) -> None:
        self.folder, self.keep = folder, keep
        self.about: dict[str, Any] = {}
        self.look()

    def look(self) -> None:
        """Read again what is known of the teacher."""
        try:
            found = parse_json((self.folder / ABOUT).read_bytes())
        except (OSError, ValueError):
            found = {}
        self.about = found if isinstance(found, dict) else {}
        self.forms = {
            name: Form(one[0], tuple(one[1]), bool(one[2]))
            for name, one in self.about.get("forms", {}).items()
            if one[0] in DTYPES
        }

    def note(self, **told: Any) -> None:
        """Write down what is to be known of the teacher; the caller holds the folder's lock."""
        self.look()
        write_atomic(self.folder / ABOUT, json.dumps(self.about | told, indent=1))
        self.look()

    def learn(self, forms: Mapping[str, Form]) -> None:
        """Write down what more tensors are like, as the first found it; the caller has the lock."""
        self.look()
        known = dict(forms) | self.forms
        self.note(forms={name: [*form] for name, form in known.items()})

    def names(self, fields: Iterable[str]) -> list[str]:
        """The tensors of some fields; empty if one of them was never seen."""
        wanted = [*fields, "weight"]
        found = [name for name in self.forms if name.partition(".")[0] in wanted]
        seen = {name.partition(".")[0] for name in found}
        return found if seen | {"weight"} == {*wanted} else []

    def open(self, stem: str, fields: Iterable[str], samples: int) -> Parts | None:
        """The arrays of some fields, memory-mapped; None if one is not there whole.

        Args:
            stem: of their files: `view-00003`.
            fields: of `Outputs`.
            samples: that there must be.
        """
        found: Parts = {}
        for name in self.names(fields):
            found[name] = {}
            for end, like in self._like(name).items():
                path = self._file(stem, name, end)
                try:
                    array = np.load(path, mmap_mode="r", allow_pickle=False)
                except FileNotFoundError:
                    return None
                except (OSError, ValueError, EOFError) as error:
                    log.warning("%s is damaged, and made again: %s", path, error)
                    return None
                if array.shape != (samples, *like.shape[1:]) or array.dtype != like.dtype:
                    log.warning("%s is not about these samples, and made again", path)
                    return None
                found[name][end] = array
        return found or None

    def has(self, stem: str, fields: Iterable[str]) -> bool:
        """Whether the files are there, unopened."""
        names = self.names(fields)
        return bool(names) and all(
            self._file(stem, name, end).exists() for name in names for end in self._like(name)
        )

    @contextmanager
    def writing(self, stem: str, fields: Iterable[str], samples: int) -> Iterator[Parts]:
        """Arrays to be filled, which get their names when the block ends, and go if it raises."""
        with ExitStack() as stack:
            parts: Parts = {}
            for name in self.names(fields):
                for end, like in self._like(name).items():
                    temporary = stack.enter_context(atomic(self._file(stem, name, end)))
                    parts.setdefault(name, {})[end] = np.lib.format.open_memmap(
                        temporary, "w+", like.dtype, (samples, *like.shape[1:])
                    )
            yield parts
            for arrays in parts.values():
                for array in arrays.values():
                    assert isinstance(array, np.memmap)
                    array.flush()

    def per_sample(self, fields: Iterable[str]) -> int:
        """Bytes that the answers about one sample take."""
        return sum(like.nbytes for n in self.names(fields) for like in self._like(n).values())

    def _like(self, name: str) -> dict[str, Array]:
        form = self.forms[name]
        shape = (1, *form.shape)
        one = torch.zeros(shape, dtype=getattr(torch, form.dtype))
        return encode(name, one, form, self.keep)

    def _file(self, stem: str, name: str, end: str) -> Path:
        return self.folder / f"{stem}.{name}{f'.{end}' if end else ''}.npy"
