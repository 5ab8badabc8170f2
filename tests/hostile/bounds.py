"""Files that are malformed, or small and ask for much: of memory, of time, of their reader."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.hostile.doors import LINEAR, Attack, Place, header, record, weights

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


def stored(**members: tuple[bytes, int]) -> Callable[[Place], object]:
    """An .npz file: what each member is, or so many zeros of it."""

    def make(place: Place) -> None:
        weights(place)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, (content, _) in members.items():
                file.writestr(f"{name}.npy", content)
        whole = buffer.getvalue()
        for name, (_, zeros) in members.items():
            whole = deflated(whole, f"{name}.npy", zeros) if zeros else whole
        (place.sent / "x.npz").write_bytes(whole)

    return make


def declared(shape: str, dtype: str = "|u1") -> bytes:
    """The header of an array of which nothing is there."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def png(place: Place) -> None:
    """An image of 178 million pixels in 0.2 MB, as Pillow lets it pass."""
    weights(place)
    width, height = 13_300, 13_400

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(4 * width + 1)) for _ in range(height)) + packer.flush()
    (place.sent / "x.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def pipe(name: str) -> Callable[[Place], object]:
    """Something that never ends."""

    def make(place: Place) -> None:
        weights(place)
        (place.sent / name).parent.mkdir(parents=True, exist_ok=True)
        (place.sent / name).unlink(missing_ok=True)
        os.mkfifo(place.sent / name)

    return make


def gzipped(name: str, line: bytes, size: int) -> Callable[[Place], object]:
    """A packed text of so many bytes, the same line again and again."""

    def make(place: Place) -> None:
        lines = line * ((1 << 20) // len(line))
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        part = packer.compress(lines) + packer.flush(zlib.Z_FULL_FLUSH)
        start = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        (place.sent / name).write_bytes(start + part * (size >> 20))

    return make


LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)


def config(text: str) -> Callable[[Place], object]:
    """sent/configs/loss/sent.yaml."""

    def make(place: Place) -> None:
        (place.sent / "configs" / "loss").mkdir(parents=True)
        (place.sent / "configs" / "loss" / "sent.yaml").write_text(text)

    return make


def beside(name: str, content: str) -> Callable[[Place], object]:
    """A file of the folder of a run or a sweep."""

    def make(place: Place) -> None:
        (place.sent / name).parent.mkdir(parents=True, exist_ok=True)
        (place.sent / name).write_text(content)

    return make


def recorded(**changes: Any) -> Callable[[Place], object]:
    """A record that differs."""
    return lambda place: record(place, **changes)


def graph(place: Place) -> None:
    """An ONNX file that asks for a constant of 4e12 numbers."""
    import onnx
    from onnx import TensorProto, helper

    shape = onnx.numpy_helper.from_array(np.array([2_000_000, 2_000_000]), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["large"]),
        helper.make_node("ReduceSum", ["large"], ["sum"]),
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Add", ["flat", "sum"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])
    made = helper.make_graph(nodes, "g", [x], [y], [shape])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(made, opset_imports=opset, ir_version=8)
    (place.sent / "teacher.onnx").write_bytes(model.SerializeToString())


NPZ = ("../sent/x.npz",)

OTHERS = [
    Attack("npz: 3 GB of zeros", "inputs", stored(x=(b"", 3 * GB)), NPZ),
    Attack("npz: a shape of 1e12", "inputs", stored(x=(declared("(1000000000000,)"), 0)), NPZ),
    Attack("npz: 1e12 rows of nothing", "inputs", stored(x=(declared("(10**12, 0)"), 0)), NPZ),
    Attack("npz: a shape of 5,000 digits", "inputs", stored(x=(declared(f"({LONG},)"), 0)), NPZ),
    Attack("npz: an array is no array", "inputs", stored(x=(b"\0" * 100, 0)), NPZ),
    Attack("image: 178 million pixels", "inputs", png, ("../sent/x.png",)),
    Attack("image: a pipe", "inputs", pipe("x.png"), ("../sent/x.png",)),
    Attack("npz: a pipe", "inputs", pipe("x.npz"), NPZ),
    Attack("image: a device", "inputs", weights, ("/dev/zero",)),
    Attack(
        "jsonl: 3 GB of lines",
        "data",
        gzipped("d.jsonl.gz", b'{"text":"a b","label":"x"}\n', 2300 << 20),
        ("dataset=text", "dataset.path=../sent/d.jsonl.gz"),
    ),
    Attack(
        "csv: 3 GB of lines",
        "data",
        gzipped("d.csv.gz", b"1,2,3\n", 2300 << 20),
        ("dataset=table", "dataset.path=../sent/d.csv.gz", "dataset.label=a"),
    ),
    Attack(
        "coco: nested",
        "data",
        beside("coco/train.json", "[" * 1_000_000),
        ("dataset=coco", "dataset.root=../sent/coco"),
    ),
    Attack(
        "coco: a picture elsewhere",
        "data",
        beside(
            "coco/train.json",
            '{"images": [{"id": 1, "file_name": "../../home/a.png"}], "annotations": [], '
            '"categories": [{"id": 1, "name": "a"}]}',
        ),
        ("dataset=coco", "dataset.root=../sent/coco"),
    ),
    Attack(
        "coco: a number of 5,000 digits",
        "data",
        beside("coco/train.json", f'{{"images": [{{"id": {LONG}, "file_name": "a.png"}}]}}'),
        ("dataset=coco", "dataset.root=../sent/coco"),
    ),
    Attack(
        "pairs: 3 GB of lines",
        "data",
        gzipped("p.jsonl.gz", b'{"prompt":"a b","completion":"x"}\n', 2300 << 20),
        ("dataset=pairs", "dataset.path=../sent/p.jsonl.gz"),
    ),
    Attack("onnx: a constant of 4e12 numbers", "onnx", graph),
    Attack("onnx: not one", "onnx", beside("teacher.onnx", "\0" * 99)),
    Attack("yaml: aliases of aliases", "config-dir", config(LAUGHS), ("loss=sent",)),
    Attack("yaml: nested", "config-dir", config("[" * 100_000), ("loss=sent",), ("run",)),
    Attack("yaml: in .hydra", "folder", beside(".hydra/hydra.yaml", LAUGHS)),
    Attack("yaml: multirun is a list", "folder", beside("multirun.yaml", "[1]")),
    Attack("yaml: multirun is text", "folder", beside("multirun.yaml", "\0")),
    *[
        Attack(f"record: {name}", "record", recorded(**changes), (), ("compare", "diff"))
        for name, changes in {
            "status is a list": {"status": ["ok"]},
            "metrics are a list": {"metrics": [1]},
            "metric is true": {"metrics": {"test_accuracy": True}},
            "run is text": {"run": "x"},
            "nested": {"config": {"a": deep(100)}},
        }.items()
    ],
    *[
        Attack(f"table: {name}", "table", beside("results.csv", text), (), ("compare",))
        for name, text in {
            "NUL": "method,seed\n\0,1\n",
            "a cell of 200 kB": f"method,seed\n{'x' * 200_000}\n",
            "no columns": "\n\n",
            "columns twice": "method,seed,seed\na,1,2\n",
        }.items()
    ],
]


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
    *OTHERS,
]
