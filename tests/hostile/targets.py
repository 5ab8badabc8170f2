"""Files and words that make code run, or write elsewhere, if a name is believed as it stands."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from tests.hostile.doors import DIGITS, LINEAR, Attack, Place, header, record, weights

SCRIPT = "sklearn.utils._testing.assert_run_python_script_without_output"
"""A function of an honest package that runs what it is given."""

HOME = "import os; open(os.environ['HOME'] + '/../canary', 'w').close()"
"""Touches the canary wherever it is run."""

RUNS: dict[str, Any] = {"_target_": SCRIPT, "source_code": HOME}

SHELL = {"_target_": "os.system", "command": 'touch "$HOME/../canary"'}

EVIL = {"_target_": "evil.Net"}


def unpickled(place: Place, name: str) -> None:
    """A pickle beside, as torch, joblib or a dataset would read it."""
    (place.sent / name).parent.mkdir(parents=True, exist_ok=True)
    (place.sent / name).write_bytes(place.pickle())


def faces(place: Place) -> dict[str, Any]:
    """A loader of data that unpickles what lies in a folder."""
    unpickled(place, "olivetti_py3.pkz")
    return {
        "_target_": "sklearn.datasets.fetch_olivetti_faces",
        "data_home": str(place.sent),
        "download_if_missing": False,
    }


def state(place: Place) -> dict[str, Any]:
    """A loader of weights that may be told to unpickle."""
    unpickled(place, "evil.pth")
    path = str(place.sent / "evil.pth")
    return {"_target_": "timm.models.load_state_dict", "checkpoint_path": path} | {
        "weights_only": False,
        "use_ema": False,
    }


def summary(place: Place) -> dict[str, Any]:
    """A function that writes a file where it is told."""
    said = {"epoch": 1, "train_metrics": {"a": 1}, "eval_metrics": {}, "write_header": True}
    path = str(place.root / "elsewhere.csv")
    return {"_target_": "timm.utils.update_summary", "filename": path, **said}


def evil(place: Place) -> dict[str, Any]:
    """A module of the working folder, which nobody opened."""
    place.module()
    return EVIL


def plain(section: Mapping[str, Any]) -> Callable[[Place], dict[str, Any]]:
    """The same wherever it is."""
    return lambda _place: dict(section)


CALLS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "a function that runs source": plain(RUNS),
    "a loader that unpickles": faces,
    "a reader of weights that unpickles": state,
    "a function that writes": summary,
    "os.system": plain(SHELL),
    "subprocess": plain(
        {"_target_": "subprocess.run", "args": ["sh", "-c", 'touch "$HOME/../canary"']}
    ),
    "exec": plain({"_target_": "builtins.exec", "source": HOME}),
    "what a module of kdrun imports": plain(
        {**SHELL, "_target_": "kdrun.files.checkpoint.os.system"}
    ),
    "a private name": plain({**SHELL, "_target_": "kdrun.model.linear.Linear.__class__"}),
    "torch.load": plain({"_target_": "torch.load", "f": "../sent/evil.pth", "weights_only": False}),
    "a module of the folder": evil,
}
"""What is called by name, wherever a `_target_` may stand."""


def in_header(make: Callable[[Place], dict[str, Any]]) -> Callable[[Place], object]:
    """As the network of a file of weights."""

    def write(place: Place) -> None:
        unpickled(place, "evil.pth")
        weights(place, header(model=make(place)))

    return write


def nested(section: Any) -> Callable[[Place], object]:
    """In an argument of a good network."""
    return lambda place: weights(place, header(model={**LINEAR, "num_classes": section}))


def around(section: Mapping[str, Any]) -> Callable[[Place], object]:
    """Around a good student."""
    return lambda place: weights(place, header(around=dict(section)))


def read_by(reader: object) -> Callable[[Place], object]:
    """As the reader of new files of a student of 64 columns."""

    def write(place: Place) -> None:
        packed = zlib.compress(json.dumps(reader).encode())
        tensor = torch.frombuffer(bytearray(packed), dtype=torch.uint8)
        weights(place, header(shape=[64], mean=[], std=[]), **{"kdrun.reader": tensor})

    return write


STACKED = {
    "_target_": "kdrun.model.stack.Stack",
    "described": json.dumps({**header(model=RUNS)}),
}


def in_record(make: Callable[[Place], dict[str, Any]], **more: Any) -> Callable[[Place], object]:
    """As the dataset of a record."""

    def write(place: Place) -> None:
        unpickled(place, "evil.pth")
        dataset = {"name": "digits", **make(place)}
        config = {"seed": 0, "dataset": dataset, "train": {"channels_last": False}, **more}
        record(place, config=config)

    return write


def skops(schema: Mapping[str, Any]) -> Callable[[Place], object]:
    """An archive of skops that asks for this."""

    def write(place: Place) -> None:
        with zipfile.ZipFile(place.sent / "teacher.skops", "w") as archive:
            archive.writestr("schema.json", json.dumps({**schema, "protocol": 2}))

    return write


def dumped(value: Any) -> dict[str, Any]:
    """What skops writes of a plain value."""
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(value))) as archive:
        schema: dict[str, Any] = json.loads(archive.read("schema.json"))
    return schema


def made_by(module: str, name: str, argument: str) -> dict[str, Any]:
    """An object that a function makes, as skops reads losses of scikit-learn."""
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": "LossNode",
        "__reduce__": {"args": dumped((argument,))},
        "content": dumped({}),
    }


def partial_of(module: str, name: str) -> dict[str, Any]:
    """A function with arguments, for whoever calls the estimator."""
    function = {"__class__": name, "__module__": module, "__loader__": "FunctionNode"}
    return {
        "__class__": "partial",
        "__module__": "functools",
        "__loader__": "PartialNode",
        "content": {
            "func": function,
            "args": dumped((HOME,)),
            "kwds": dumped({}),
            "namespace": dumped({}),
        },
    }


SKOPS = {
    "made by a function of scikit-learn": made_by(*SCRIPT.rsplit(".", 1), HOME),
    "made by os.system": made_by("os", "system", SHELL["command"]),
    "a function of scikit-learn": partial_of(*SCRIPT.rsplit(".", 1)),
    "a class of tests": {
        "__class__": "TempMemmap",
        "__module__": "sklearn.utils._testing",
        "__loader__": "ObjectNode",
        "content": dumped({}),
    },
}


def yaml(group: str, text: str) -> Callable[[Place], object]:
    """sent/configs/GROUP/sent.yaml, and a module of the working folder."""

    def write(place: Place) -> None:
        place.module()
        unpickled(place, "evil.pth")
        path = place.sent / "configs" / group / "sent.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    return write


def configured(name: str, group: str, text: str, word: str = "", **more: Any) -> Attack:
    """A yaml of a folder that somebody sent, chosen by a word."""
    chosen = (word or f"{group}=sent",)
    return Attack(f"yaml: {name}", "config-dir", yaml(group, text), chosen, **more)


def described(section: Mapping[str, Any]) -> str:
    """As yaml, which JSON is."""
    return json.dumps(section)


GLOBAL = "# @package _global_\n"

OPENED = f"""{GLOBAL}plugins: [evil]
loss: {{terms: {{a: {{_target_: evil.touch}}}}, weights: {{a: 1.0}}}}
"""

CONFIGS = [
    configured("plugins of its own", "experiment", OPENED, "experiment=sent"),
    configured(
        "a loss that runs source", "loss", f"terms: {{a: {described(RUNS)}}}\nweights: {{a: 1}}"
    ),
    configured("a network that runs source", "model", described(RUNS), "student=sent"),
    configured("a network that runs a shell", "model", described(SHELL), "student=sent"),
    configured(
        "a network within one", "model", described({**LINEAR, "num_classes": RUNS}), "student=sent"
    ),
]


def objects(place: Place) -> None:
    """An array of objects, which numpy pickles."""
    weights(place)
    np.savez(place.sent / "x.npz", x=np.array([pickle.loads], dtype=object))


def folder(name: str, *task: str, own: tuple[str, ...] = (), home: bool = False) -> Attack:
    """The folder of a run with a command in it, which looks as if it had been made here."""
    kind = "outputs" if home else "folder"

    def write(place: Place) -> None:
        place.module()
        where = place.home / "outputs" / "default" if home else place.sent
        made = {
            "hydra": {
                "overrides": {"task": list(task), "hydra": list(own)},
                "runtime": {
                    "cwd": str(place.home if home else place.root),
                    "output_dir": str(where),
                    "config_sources": [],
                },
                "sweep": {"dir": "outputs/default" if home else "sent"},
            }
        }
        (where / ".hydra").mkdir(parents=True)
        (where / ".hydra" / "hydra.yaml").write_text(json.dumps(made))
        (where / "multirun.yaml").write_text(json.dumps(made))

    return Attack(f"resume: {name}", kind, write)


SMALL = ("teacher=linear", "student=linear", "train.epochs=1", "train.progress=false")

CALLED = "dataset._target_=evil.touch"

FOLDERS = [
    folder("plugins of its own", *SMALL, "plugins=[evil]", CALLED),
    folder("plugins in a folder that lies here", *SMALL, "plugins=[evil]", CALLED, home=True),
    folder(
        "source in a folder that lies here",
        *SMALL,
        f"dataset._target_={SCRIPT}",
        f'+dataset.source_code="{HOME}"',
        home=True,
    ),
    folder("a name that leaves", *SMALL, "name=../../x"),
    folder("a name that leaves, here", *SMALL, "name=../../x", home=True),
    folder("a folder to write to", *SMALL, own=("hydra.sweep.dir=../x",), home=True),
    folder("a callback", *SMALL, own=("+hydra.callbacks.a._target_=evil.Net",), home=True),
]


def nothing(_place: Place) -> None:
    """Words alone."""


WORDS = [
    Attack(
        f"words: plugins={name}",
        "words",
        nothing,
        (f"plugins=[{name}]", f"dataset._target_={name}.system", "+dataset.command=true"),
    )
    for name in ("os", "posix", "subprocess")
]

BUILDERS = ("predict", "export")
"""Doors that build the network of a header; the others have one of their own."""

ATTACKS = [
    *[
        Attack(f"header: {name}", "weights", in_header(make), doors=BUILDERS)
        for name, make in CALLS.items()
    ],
    Attack("header: in an argument", "weights", nested(RUNS), doors=BUILDERS),
    Attack("header: in a list of an argument", "weights", nested([RUNS]), doors=BUILDERS),
    Attack(
        "header: in a mapping of an argument", "weights", nested({"a": {"b": RUNS}}), doors=BUILDERS
    ),
    Attack("header: around the student", "weights", around(RUNS), doors=("predict",)),
    Attack("header: in what is around", "weights", around(STACKED), doors=("predict",)),
    Attack("reader: runs source", "reader", read_by(RUNS)),
    Attack(
        "reader: an argument runs source",
        "reader",
        read_by({"_target_": "kdrun.dataset.new.rows", "learnt": RUNS}),
    ),
    Attack("reader: runs a shell", "reader", read_by(SHELL)),
    *[
        Attack(
            f"record: {name}",
            "record",
            in_record(make),
            doors=("export", "predict --record", "evaluate"),
            harmless=("export",),
        )
        for name, make in CALLS.items()
    ],
    Attack(
        "record: in an argument",
        "record",
        in_record(plain({**DIGITS, "root": RUNS})),
        doors=("predict --record", "evaluate"),
    ),
    Attack(
        "record: plugins of its own",
        "record",
        in_record(evil, plugins=["evil"]),
        doors=("export", "predict --record", "evaluate"),
        harmless=("export",),
    ),
    *[Attack(f"skops: {name}", "estimator", skops(schema)) for name, schema in SKOPS.items()],
    Attack(
        "torch: a pickle",
        "torch",
        lambda place: unpickled(place, "weights.pt"),
    ),
    Attack("npz: objects", "inputs", objects, ("../sent/x.npz",)),
    Attack("onnx: a pickle", "onnx", lambda place: unpickled(place, "teacher.onnx")),
    *CONFIGS,
    *FOLDERS,
    *WORDS,
]
