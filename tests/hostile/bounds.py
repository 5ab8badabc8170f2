"""Files that are malformed, or small and ask for much: of memory, of time, of their reader."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import torch

from tests.hostile.doors import LINEAR, Attack, Place, header, weights

GB = 1 << 30
LONG = "9" * 5000
ZEROS = bytes(1 << 20)


def deep(levels: int) -> Any:
    """Lists in lists."""
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


def said(**changes: Any) -> Callable[[Place], object]:
    """Weights whose header differs."""
    return lambda place: weights(place, header(**changes))


def raw(text: str) -> Callable[[Place], object]:
    """Weights with this as their header."""

    def make(place: Place) -> None:
        path = weights(place)
        content = path.read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        own = json.loads(content[8 : 8 + size])
        own["__metadata__"] = {"kdrun": text}
        packed = json.dumps(own).encode()
        path.write_bytes(struct.pack("<Q", len(packed)) + packed + content[8 + size :])

    return make


def around(metadata: object, declared: int | None = None) -> Callable[[Place], object]:
    """A safetensors file whose own header is malformed."""

    def make(place: Place) -> None:
        path = weights(place)
        packed = json.dumps({"__metadata__": metadata}).encode()
        size = len(packed) if declared is None else declared
        path.write_bytes(struct.pack("<Q", size) + packed)

    return make


def without(key: str) -> Callable[[Place], object]:
    """Weights whose header lacks a key."""

    def make(place: Place) -> None:
        whole = header()
        del whole[key]
        weights(place, whole)

    return make


def mlp(**arguments: Any) -> Callable[[Place], object]:
    """Weights whose header asks for another network than theirs."""
    return said(model={"_target_": "kdrun.model.mlp.MLP", **arguments})


MODELS = {
    "network of 4e12 numbers": said(
        model={"_target_": "torch.nn.Linear", "in_features": 2_000_000, "out_features": 2_000_000}
    ),
    "network of 4e9 numbers": said(classes=[str(i) for i in range(100)], shape=[40_000_000]),
    "network of endless width": mlp(hidden=[10**12]),
    "network of endless depth": mlp(hidden=[8] * 200_000),
    "network of a thousand digits": mlp(hidden=[int("9" * 1000)]),
    "image of 1e12 pixels": said(shape=[1, 1_000_000, 1_000_000]),
    "argument that is not taken": said(model={**LINEAR, "x": 1}),
    "target is NUL": said(model={"_target_": "kdrun.model.\0"}),
    "around lacks its arguments": said(around={"_target_": "kdrun.model.stack.Stack"}),
    "stack of nothing": said(
        around={"_target_": "kdrun.model.stack.Stack", "described": "[" * 100_000}
    ),
}
"""A run takes its own config's network instead of these."""

WEIGHTS = {
    "nested": said(model=deep(100)),
    "nested endlessly": raw('{"model":' + "[" * 100_000 + "]" * 100_000 + "}"),
    "digits": raw('{"name":' + LONG + "}"),
    "NaN": raw('{"name":"linear","mean":[NaN]}'),
    "a list": raw("[]"),
    "a string": raw('"linear"'),
    "a number": raw("3"),
    "null": raw("null"),
    "no JSON": raw("{"),
    "NUL": raw("\0"),
    "no model": without("model"),
    "no classes": without("classes"),
    "no shape": without("shape"),
    "no mean": without("mean"),
    "model is a list": said(model=["kdrun.model.linear.Linear"]),
    "target is a number": said(model={"_target_": 3}),
    "classes are a string": said(classes="0123456789"),
    "classes are numbers": said(classes=[*range(10)]),
    "classes are an object": said(classes={"0": 0}),
    "shape is a string": said(shape="1,8,8"),
    "shape is negative": said(shape=[1, -8, -8]),
    "shape is true": said(shape=[True, 8, 8]),
    "shape is nested": said(shape={"x": {"y": [1]}}),
    "mean is text": said(mean="0.3", std="0.4"),
    "mean of other channels": said(mean=[0.3, 0.3], std=[0.4]),
    "std is null": said(std=None),
    "unit of three": said(unit=[0, 1, 2]),
    "around is text": said(around="x"),
    "metadata is a list": around(["kdrun"]),
    "metadata is nested": around({"kdrun": {"name": "linear"}}),
    "metadata is a string": around("kdrun"),
    "header longer than its file": around({}, declared=10**18),
    "header of 4e8 bytes": around({}, declared=4 * 10**8),
}


def read_by(reader: object | bytes) -> Callable[[Place], object]:
    """Weights with this reader of new files: an object, or what is packed."""

    def make(place: Place) -> None:
        packed = reader if isinstance(reader, bytes) else zlib.compress(json.dumps(reader).encode())
        tensor = torch.frombuffer(bytearray(packed), dtype=torch.uint8)
        weights(place, header(shape=[2], mean=[], std=[]), **{"kdrun.reader": tensor})

    return make


def block() -> bytes:
    """A megabyte of zeros as a part of a deflated stream, which may follow itself."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)


def bomb(size: int) -> bytes:
    """So many zeros, packed by zlib."""
    return b"\x78\xda" + block() * (size >> 20)


def deflated(content: bytes, member: str, size: int) -> bytes:
    """A zip archive, of which one member is so many zeros instead of what it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as own:
        names = own.namelist()
        parts = {name: own.read(name) for name in names}
    packed, result = block() * (size >> 20) + b"\x03\x00", io.BytesIO()
    with zipfile.ZipFile(result, "w") as file:
        for name in names:
            file.writestr(name, packed if name.endswith(member) else parts[name])
    content = bytearray(result.getvalue())
    for mark, method, named in ((b"PK\x03\x04", 8, 30), (b"PK\x01\x02", 10, 46)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            if member.encode() in content[at + named : at + named + 60]:
                content[at + method : at + method + 2] = b"\x08\x00"
                content[at + method + 14 : at + method + 18] = struct.pack("<I", size)
    return bytes(content)


ROWS = {"_target_": "kdrun.dataset.new.rows"}
COLUMN = {"name": "a", "fill": 0.0, "mean": 0.0, "scale": 1.0}

READERS = {
    "unpacks to 3 GB": lambda place: read_by(bomb(3 * GB))(place),
    "many objects": lambda place: read_by(zlib.compress(b"[" + b"[]," * 80_000_000 + b"1]"))(place),
    "damaged": read_by(b"abc"),
    "empty": read_by(b" "),
    "a list": read_by([]),
    "a string": read_by("x"),
    "nested": read_by({"x": deep(100)}),
    "lacks its columns": read_by(ROWS),
    "columns are a string": read_by({**ROWS, "learnt": "ab"}),
    "columns are a number": read_by({**ROWS, "learnt": 3}),
    "columns lack their numbers": read_by({**ROWS, "learnt": {"numeric": [{"name": "a"}]}}),
    "columns of other width": read_by({**ROWS, "learnt": {"numeric": [COLUMN], "categorical": []}}),
    "numbers are text": read_by(
        {**ROWS, "learnt": {"numeric": [{**COLUMN, "scale": "x"}], "categorical": []}}
    ),
    "words of nothing": read_by(
        {"_target_": "kdrun.dataset.new.texts", "column": "a", "words": {}, "tokens": None}
    ),
    "numbers that are no base64": read_by(
        {
            "_target_": "kdrun.dataset.new.texts",
            "column": "a",
            "tokens": None,
            "words": {
                "vocabulary": ["a"],
                "ngrams": 1,
                "idf": {"dtype": "|O", "shape": [10**12], "data": "!"},
                "reduction": None,
            },
        }
    ),
}


def saved(state: Any) -> Callable[[Place], object]:
    """What torch saves."""

    def make(place: Place) -> None:
        weights(place)
        torch.save(state(), place.sent / "weights.pt")

    return make


def packed_zeros(place: Place) -> None:
    """Weights of 3 GB in three megabytes."""
    weights(place)
    buffer = io.BytesIO()
    torch.save({"net.weight": torch.zeros(4)}, buffer)
    (place.sent / "weights.pt").write_bytes(deflated(buffer.getvalue(), "/data/0", 3 * GB))


def laughs() -> dict[str, Any]:
    """A dict of a hundred times the same dict, eight times over."""
    found: dict[str, Any] = {"weight": torch.zeros(1)}
    for _ in range(8):
        found = {f"k{i}": found for i in range(100)}
    return found


def legacy(place: Place) -> None:
    """The format before zip archives, whose numbers are declared before they come."""
    weights(place)
    path = place.sent / "weights.pt"
    torch.save({"w": torch.zeros(4)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"K\x04N", b"\x8a\x05" + struct.pack("<q", 10**11)[:5] + b"N"))


def written(name: str, content: bytes) -> Callable[[Place], object]:
    """A file of these bytes."""

    def make(place: Place) -> None:
        weights(place)
        (place.sent / name).write_bytes(content)

    return make


TORCH = {
    "numbers that repeat": saved(lambda: {"head.weight": torch.zeros(1).expand(10**6, 10**6)}),
    "sparse": saved(
        lambda: {"w": torch.sparse_coo_tensor([[0]], [1.0], (9**9,), check_invariants=False)}
    ),
    "on no device": saved(lambda: {"head.weight": torch.zeros(10, 64, device="meta")}),
    "one dict in 1e16 places": saved(laughs),
    "packed zeros": packed_zeros,
    "a bytearray of 1e12": written(
        "weights.pt",
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x06%s\x85R." % struct.pack("<q", 10**12)[:6],
    ),
    "old format of 1e11 numbers": legacy,
    "only the start of a pickle": written("weights.pt", b"\x80\x02"),
    "nested": written("weights.pt", b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b"."),
}  # fmt: skip


def attacks(kind: str, makes: dict[str, Callable[[Place], object]], **options: Any) -> list[Attack]:
    """One each."""
    return [Attack(f"{kind}: {name}", kind, make, **options) for name, make in makes.items()]


FEW = ("no model", "metadata is a list", "nested endlessly", "classes are numbers")
"""Runs take a second each, and read headers by the same function."""

ATTACKS = [
    *attacks("weights", MODELS, doors=("predict", "export")),
    *attacks("weights", {k: v for k, v in WEIGHTS.items() if k not in FEW}, doors=("predict",)),
    *attacks("weights", {k: WEIGHTS[k] for k in FEW}),
    *attacks("reader", READERS),
    *attacks("torch", TORCH, doors=("teacher.checkpoint",)),
]
