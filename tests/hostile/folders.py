"""The folder of a run or a sweep that somebody sent: links, pipes, records, tables, checkpoints."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import torch

from tests.hostile.bounds import GB, LAUGHS, LONG, deflated, laughs, pipe
from tests.hostile.doors import DIGITS, SMALL, Attack, Place, header, record, weights
from tests.hostile.targets import unpickled

READERS = ("compare", "report", "collect", "diff", "export", "predict --record")
"""Doors that read a record."""


def link(*names: str) -> Callable[[Place], object]:
    """Files of sent/run that are links to one that the user would not lose."""

    def make(place: Place) -> None:
        record(place)
        (place.root / "victim").write_text("precious\n")
        for name in names:
            path = place.sent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(place.root / "victim")

    return make


def planted(name: str) -> Callable[[Place], object]:
    """Likewise in the folder that a run is told to write to."""

    def make(place: Place) -> None:
        (place.root / "victim").write_text("precious\n")
        path = place.home / "outputs" / "planted" / name
        path.parent.mkdir(parents=True)
        path.symlink_to(place.root / "victim")

    return make


TO_PLANTED = ("hydra.run.dir=outputs/planted", "method=supervised", *SMALL)


def resumed(name: str) -> Callable[[Place], object]:
    """A run that looks as if it had been made here, of which a file is a link."""

    def make(place: Place) -> None:
        planted(name)(place)
        folder = place.home / "outputs" / "planted"
        made = {
            "overrides": {"task": list(TO_PLANTED[1:]), "hydra": [TO_PLANTED[0]]},
            "runtime": {
                "cwd": str(place.home),
                "output_dir": str(folder),
                "config_sources": [],
            },
            "sweep": {"dir": "outputs/default"},
        }
        (folder / ".hydra").mkdir(exist_ok=True)
        (folder / ".hydra" / "hydra.yaml").write_text(json.dumps({"hydra": made}))

    return make


def links_inside(place: Place) -> None:
    """A folder that leads to itself, and one to all that there is."""
    record(place)
    (place.sent / "run" / "again").symlink_to(place.sent)
    (place.sent / "all").symlink_to("/")


LINKS = [
    *[
        Attack(f"link: {name} of a run that begins", "command", planted(name), TO_PLANTED)
        for name in ("run.log", "record.json", ".lock", "checkpoint.pt", "metrics.csv")
    ],
    *[
        Attack(
            f"link: {name} of a run that goes on",
            "command",
            resumed(name),
            ("resume", "outputs/planted"),
        )
        for name in ("run.log", "record.json")
    ],
    Attack("link: results.csv", "record", link("results.csv"), (), ("collect",)),
    Attack("link: .results.lock", "record", link(".results.lock"), (), ("collect",)),
    Attack("link: evaluations.csv", "record", link("run/evaluations.csv"), (), ("evaluate",)),
    Attack(
        "link: what is exported",
        "record",
        link("run/export.safetensors"),
        (),
        ("export",),
        harmless=("export",),
    ),
    Attack(
        "link: folders that lead on", "record", links_inside, (), ("compare", "report", "collect")
    ),
]


def piped(name: str) -> Callable[[Place], object]:
    """Something that never ends, beside or instead of what a run leaves."""

    def make(place: Place) -> None:
        record(place)
        pipe(name)(place)

    return make


PIPES = [
    Attack("pipe: record.json", "record", piped("run/record.json"), (), READERS, ("export",)),
    Attack("pipe: results.csv", "table", piped("results.csv")),
    Attack("pipe: metrics.csv", "record", piped("run/metrics.csv"), (), ("report",)),
    Attack("pipe: student.safetensors", "weights", piped("run/student.safetensors")),
    Attack("pipe: multirun.yaml", "folder", piped("multirun.yaml")),
    Attack("pipe: weights.pt", "torch", piped("weights.pt")),
    Attack("pipe: teacher.skops", "estimator", piped("teacher.skops")),
    Attack("pipe: teacher.onnx", "onnx", piped("teacher.onnx")),
    Attack("pipe: in a folder of images", "inputs", piped("images/x.png"), ("../sent/images",)),
]


def raw(content: bytes) -> Callable[[Place], object]:
    """A record of these bytes."""

    def make(place: Place) -> None:
        record(place).write_bytes(content)

    return make


def said(**changes: Any) -> Callable[[Place], object]:
    """A record that differs."""
    return lambda place: record(place, **changes)


def read(name: str, make: Callable[[Place], object], *doors: str) -> Attack:
    """A record through doors that read it."""
    harmless = ("export", "predict --record")
    return Attack(f"record: {name}", "record", make, (), doors or READERS, harmless)


ESCAPES = "\x1b[2J\x1b]0;x\x07\r\u202e<script>"

MNIST = {"name": "mnist", "_target_": "kdrun.dataset.mnist.mnist", "root": "../x", "download": True}

CONFIG: dict[str, Any] = {"seed": 0, "dataset": DIGITS, "train": {"channels_last": False}}

RECORDS = [
    read("NUL", raw(b"\0")),
    read("digits", raw(b'{"schema": %s}' % LONG.encode()), "compare", "diff", "export"),
    read("nested endlessly", raw(b"[" * 100_000), "compare", "diff", "export"),
    read(
        "many objects",
        lambda place: raw(b"[" + b"[]," * 20_000_000 + b"1]")(place),
        "compare",
        "diff",
    ),
    read("no text", raw(b'{"run_id": "\xff"}'), "compare", "diff"),
    read(
        "lacks its config",
        lambda place: raw(json.dumps({"schema": 1, "run_id": "x", "status": "ok"}).encode())(place),
    ),
    read(
        "a dataset of text",
        said(config={**CONFIG, "dataset": "digits"}),
        "predict --record",
        "export",
    ),
    read(
        "arguments of other kinds",
        said(
            config={
                **CONFIG,
                "dataset": {**DIGITS, "val_fraction": "x", "train_size": [1]},
            }
        ),
        "predict --record",
        "export",
    ),
    read(
        "folds of text",
        said(config={**CONFIG, "cv": {"folds": "x", "fold": []}}),
        "predict --record",
        "export",
    ),
    read("settings of text", said(config={**CONFIG, "train": "x"}), "predict --record"),
    read(
        "escapes",
        said(
            run_id=ESCAPES,
            error=ESCAPES,
            run={"method": ESCAPES, "seed": 0},
            notes=[ESCAPES],
            config={**CONFIG, ESCAPES: ESCAPES},
        ),
    ),
    read("names that leave", said(run_id="../../x", run={"method": "../../x", "seed": 0})),
    read(
        "a variable", said(run_id="${oc.env:SECRET}", config={**CONFIG, "name": "${oc.env:SECRET}"})
    ),
    read("data that are fetched", said(config={**CONFIG, "dataset": MNIST}), "predict --record"),
    read("a schema of text", said(schema=[1])),
    read("numbers of text", said(metrics={"test_accuracy": "0.9"}), "compare", "diff"),
    read("files of numbers", said(files=[1], code=3), "compare", "diff"),
]


def table(text: str | bytes) -> Callable[[Place], object]:
    """sent/results.csv."""
    content = text if isinstance(text, bytes) else text.encode()
    return lambda place: (place.sent / "results.csv").write_bytes(content)


TABLES = [
    Attack(f"table: {name}", "table", table(text), (), doors)
    for name, text, doors in (
        ("digits", f"method,seed,test_accuracy\nkd,{LONG},{LONG}\n", ("compare", "report")),
        ("cells of 200 kB", f"method,seed\n{'x' * 200_000},1\n", ("compare", "report")),
        ("NUL", "method,seed\n\0\0,1\nkd,2\n", ("report",)),
        ("escapes", f'method,seed,note\n"{ESCAPES}",1,"{ESCAPES}"\n', ("compare", "report")),
        ("a million columns", "method,seed" + ",x" * 1_000_000 + "\n", ("compare",)),
        ("no text", b"\xff\xfe\0\0method,seed\n", ("compare",)),
    )
]


def archive(content: Callable[[Place], bytes]) -> Callable[[Place], object]:
    """sent/teacher.skops."""
    return lambda place: (place.sent / "teacher.skops").write_bytes(content(place))


def zipped(member: str, size: int, schema: object) -> bytes:
    """An archive of which a member is so many zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("schema.json", json.dumps(schema))
        file.writestr("1.npy", b"")
    return deflated(buffer.getvalue(), member, size)


ARRAY = {
    "__class__": "ndarray",
    "__module__": "numpy",
    "__loader__": "NdArrayNode",
    "type": "numpy",
    "file": "1.npy",
    "protocol": 2,
}

ESTIMATORS = [
    Attack(f"skops: {name}", "estimator", archive(content))
    for name, content in {
        "a schema of 3 GB": lambda _place: zipped("schema.json", 3 * GB, {}),
        "an array of 3 GB": lambda _place: zipped("1.npy", 3 * GB, ARRAY),
        "a schema of text": lambda _place: zipped("1.npy", 1 << 20, "x"),
        "a plain number": lambda _place: zipped("1.npy", 1 << 20, {**ARRAY, "file": "2.npy"}),
        "no archive": lambda _place: b"PK\x03\x04" + b"\0" * 100,
        "a pickle": lambda place: place.pickle(),
    }.items()
]


def checkpoint(state: Callable[[Place], Any]) -> Callable[[Place], object]:
    """A run that was cut off, with this as its checkpoint."""

    def make(place: Place) -> None:
        folder = place.home / "outputs" / "planted"
        folder.mkdir(parents=True)
        found = state(place)
        if isinstance(found, bytes):
            (folder / "checkpoint.pt").write_bytes(found)
        else:
            torch.save(found, folder / "checkpoint.pt")

    return make


def packed(_place: Place) -> bytes:
    """A state of 3 GB in three megabytes."""
    buffer = io.BytesIO()
    torch.save({"epoch": 0, "method": torch.zeros(4)}, buffer)
    return deflated(buffer.getvalue(), "/data/0", 3 * GB)


CHECKPOINTS = [
    Attack(f"checkpoint: {name}", "command", checkpoint(state), TO_PLANTED)
    for name, state in {
        "a pickle": lambda place: place.pickle(),
        "a list": lambda _place: [1],
        "nothing": lambda _place: {},
        "keys of numbers": lambda _place: {1: 2, None: torch.zeros(1)},
        "parts of other kinds": lambda _place: {
            "epoch": "x",
            "method": [1],
            "optimizer": 3,
            "scheduler": None,
            "rng": "x",
            "precision": [1],
            "threads": "many",
        },
        "packed zeros": packed,
        "one dict in 1e16 places": lambda _place: laughs(),
    }.items()
]


def outside(place: Place) -> None:
    """An ONNX file whose numbers lie in a file of the user."""
    from onnx import TensorProto, helper

    (place.root / "victim").write_text("s3cret" * 100)
    numbers = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[64, 10])
    numbers.data_location = TensorProto.EXTERNAL
    numbers.external_data.add(key="location", value="../victim")
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])
    made = helper.make_graph(nodes, "g", [x], [y], [numbers])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (place.sent / "teacher.onnx").write_bytes(model.SerializeToString())


def pretrained(place: Place) -> None:
    """Weights whose network would fetch others."""
    model = {"_target_": "kdrun.model.timm.create", "name": "resnet18", "pretrained": True}
    weights(place, header(model=model))


def bomb(place: Place) -> None:
    """The command of a sweep, of aliases and of references."""
    parts = {f"a{i}": f"${{a{i - 1}}}" * 10 for i in range(1, 9)}
    made = {"a0": "x" * 1000, **parts, "hydra": {"runtime": {"cwd": "${a8}"}}}
    made["hydra"] |= {"overrides": {"task": [], "hydra": []}, "sweep": {"dir": "x"}}
    (place.sent / "multirun.yaml").write_text(json.dumps(made))


OTHERS = [
    Attack("onnx: numbers of the user's files", "onnx", outside),
    Attack("header: weights that are fetched", "weights", pretrained, (), ("predict",)),
    Attack("resume: references to references", "folder", bomb),
    Attack(
        "resume: a pickle of Hydra's",
        "folder",
        lambda place: unpickled(place, ".hydra/config.pickle"),
    ),
    Attack(
        "resume: aliases of a sweep",
        "folder",
        lambda place: (place.sent / "multirun.yaml").write_text(LAUGHS),
    ),
]

ATTACKS = [*LINKS, *PIPES, *RECORDS, *TABLES, *ESTIMATORS, *CHECKPOINTS, *OTHERS]
