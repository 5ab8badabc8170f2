"""Files that somebody sent, the doors of kdrun that take such files, and what came of each.

An attack is a name, a kind of file, and how it is made. Each is carried through every door that
takes its kind, in a forked process with limits on memory and time. Whatever code of an attack runs
touches the canary; whatever is written where a door has nothing to write is noticed.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import logging
import os
import pickle
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from tests.forked import warm

LINEAR = {"_target_": "kdrun.model.linear.Linear"}
"""The network of a file of weights in which nothing is wrong."""

DIGITS = {"name": "digits", "_target_": "kdrun.dataset.digits.digits"}

SMALL = ("student=linear", "train.epochs=1", "train.progress=false", "train.device=cpu")
"""A run that would take a second, if an attack let it begin."""

SECRET = "s3cret"
"""In every door, the variable of the environment that is called SECRET."""

MEMORY = 1 << 30
"""Bytes that a door may take beyond what is imported."""

SECONDS = 20.0
"""How long a door may take."""


@dataclass(frozen=True)
class Place:
    """Where an attack happens: a working folder, what was sent beside it, and the canary."""

    root: Path

    @property
    def home(self) -> Path:
        """The working folder; its outputs/ is the one place to write to."""
        return self.root / "home"

    @property
    def sent(self) -> Path:
        """What somebody sent."""
        return self.root / "sent"

    @property
    def canary(self) -> Path:
        """A file that appears when code runs."""
        return self.root / "canary"

    @property
    def code(self) -> str:
        """Python that touches the canary."""
        return f"open({str(self.canary)!r}, 'w').close()"

    def module(self, name: str = "evil") -> str:
        """Put a package on the path whose import, functions and classes touch the canary."""
        body = f"def touch(*a, **k):\n    {self.code}\n\nclass Net:\n    __init__ = touch\n"
        (self.home / f"{name}.py").write_text(f"{self.code}\n\n{body}")
        return name

    def pickle(self) -> bytes:
        """A pickle that touches the canary."""
        return pickle.dumps(Payload(self.code))


class Payload:
    """Runs code where it is unpickled."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


@dataclass(frozen=True)
class Attack:
    """Something that somebody sends.

    Attributes:
        name: unique among all.
        kind: a key of `DOORS`.
        make: writes it below `place.sent`.
        words: what is typed besides, such as the choice of what was sent.
        doors: those it is for, of its kind's; all of them unless given.
        harmless: doors that may open for it and say so, though nothing of it runs.
        memory: bytes.
        seconds: of time.
    """

    name: str
    kind: str
    make: Callable[[Place], object]
    words: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    memory: int = MEMORY
    seconds: float = SECONDS


@dataclass(frozen=True)
class Door:
    """A command that reads what was sent.

    Attributes:
        words: after `kdrun`, typed in `Place.home`.
        writes: what it may write below `Place.root`, beside outputs/, as patterns.
        reads_only: whether it calls nothing of what it reads, and so may end well.
    """

    words: tuple[str, ...]
    writes: tuple[str, ...] = ()
    reads_only: bool = False


RUN = "../sent/run"

TABLE = "../sent/results.csv"

COLLECTED = ("sent/results.csv", "sent/.results.lock")

DOORS: dict[str, dict[str, Door]] = {
    # sent/run/student.safetensors of rows or images
    "weights": {
        "predict": Door(("predict", RUN, "../sent/x.npz", "--device", "cpu")),
        "export": Door(("export", RUN, "--format", "safetensors"), ("sent/run/export.*",)),
        "teacher.checkpoint": Door(("teacher=linear", f"teacher.checkpoint={RUN}", *SMALL)),
        "source_model": Door(
            (
                *("dataset=digits_shifted", "method=transfer", "transfer=fine_tune"),
                *(f"source_model.checkpoint={RUN}", *SMALL),
            )
        ),
    },
    # likewise, with a reader of tables or texts
    "reader": {"predict": Door(("predict", RUN, "../sent/x.csv", "--device", "cpu"))},
    # a file of weights by anybody, sent/weights.pt
    "torch": {
        "teacher.checkpoint": Door(
            ("teacher=linear", "teacher.checkpoint=../sent/weights.pt", *SMALL)
        ),
        "predict": Door(("predict", "../sent/weights.pt", "../sent/x.npz", "--device", "cpu")),
        "export": Door(("export", "../sent/weights.pt"), ("sent/export.*",)),
    },
    # sent/run/record.json beside good weights
    "record": {
        "export": Door(("export", RUN, "--format", "safetensors"), ("sent/run/export.*",)),
        "predict --record": Door(
            ("predict", RUN, "--record", "outputs.csv", "--device", "cpu"), ("home/outputs.csv",)
        ),
        "evaluate": Door(
            ("evaluate", RUN, "--device", "cpu"),
            ("sent/run/evaluations.csv", "sent/run/.evaluations.csv.lock"),
        ),
        "compare": Door(("compare", "../sent"), reads_only=True),
        "report": Door(("report", "../sent", "--out", "r.html"), ("home/r.html",), reads_only=True),
        "collect": Door(("collect", "../sent"), COLLECTED, reads_only=True),
        "diff": Door(("diff", RUN, RUN), reads_only=True),
    },
    # sent/results.csv
    "table": {
        "compare": Door(("compare", TABLE), reads_only=True),
        "report": Door(("report", TABLE, "--out", "r.html"), ("home/r.html",), reads_only=True),
    },
    # sent/ as the folder of a run or a sweep: .hydra/hydra.yaml or multirun.yaml
    "folder": {"resume": Door(("resume", "../sent"))},
    # home/outputs/default/…, as it is when somebody's outputs/ were unpacked here
    "outputs": {"resume": Door(("resume", "outputs/default"))},
    # sent/teacher.skops
    "estimator": {
        "teacher.path": Door(("teacher=sklearn", "teacher.path=../sent/teacher.skops", *SMALL))
    },
    # sent/teacher.onnx
    "onnx": {
        "teacher.path": Door(
            ("teacher=onnx", "teacher.path=../sent/teacher.onnx", *SMALL),
        )
    },
    # sent/x.npz, an image sent/x.png, or a folder of them, for a student in which nothing is wrong
    "inputs": {"predict": Door(("predict", "--device", "cpu", RUN))},
    # sent/data.npz, .jsonl.gz, .csv.gz: the words name it
    "data": {"run": Door((*SMALL, "method=supervised"))},
    # sent/configs, chosen by the attack's words
    "config-dir": {
        "run": Door(("--config-dir", "../sent/configs", "teacher=linear", *SMALL)),
        "dry_run": Door(
            ("--config-dir", "../sent/configs", "dry_run=true", "teacher=linear", *SMALL)
        ),
    },
    # nothing but the attack's words, which name what was sent
    "words": {"run": Door((*SMALL,)), "dry_run": Door(("dry_run=true", *SMALL))},
    # likewise, of a command other than a run
    "command": {"command": Door(())},
}


def header(**changes: Any) -> dict[str, Any]:
    """What a run writes into the header of its weights."""
    plain = {
        "name": "linear",
        "model": LINEAR,
        "around": None,
        "reads": None,
        "mean": [0.3],
        "std": [0.4],
        "unit": [0.0, 1.0],
        "classes": [str(digit) for digit in range(10)],
        "shape": [1, 8, 8],
    }
    return plain | changes


def weights(place: Place, metadata: Mapping[str, Any] | None = None, **tensors: Any) -> Path:
    """Write sent/run/student.safetensors, of a linear student of digits unless told otherwise.

    Args:
        place: of the attack.
        metadata: the header as an object, which becomes JSON.
        tensors: beside those of the student; `kdrun.reader`, say.
    """
    own = {"net.head.weight": torch.zeros(10, 64), "net.head.bias": torch.zeros(10)}
    text = json.dumps(header() if metadata is None else metadata)
    path = place.sent / "run" / "student.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(own | tensors, path, metadata={"kdrun": text})
    np.savez(place.sent / "x.npz", x=np.zeros((2, 1, 8, 8), np.uint8))
    (place.sent / "x.csv").write_text("a,b\n1,2\n")
    return path


def record(place: Place, **changes: Any) -> Path:
    """Write sent/run/record.json, beside weights in which nothing is wrong."""
    weights(place)
    plain = {
        "schema": 1,
        "run_id": "run",
        "status": "ok",
        "error": "",
        "run": {"method": "distill", "dataset": "digits", "student": "linear", "seed": 0},
        "metrics": {"test_accuracy": 0.9},
        "config": {"seed": 0, "dataset": DIGITS, "train": {"channels_last": False}},
    }
    path = place.sent / "run" / "record.json"
    path.write_text(json.dumps(plain | changes))
    return path


@dataclass
class Outcome:
    """How a command ended, and what it left.

    Attributes:
        status: its exit status; negative for a signal.
        out: what it printed.
        err: what it complained of.
        ran: whether the canary was touched.
        wrote: files that are new or changed where the door has nothing to write.
        leaked: whether the value of a variable of the environment came out.
        memory: bytes beyond what was imported.
        seconds: of the processor's time; of any time if it had to be killed.
    """

    status: int
    out: str
    err: str
    ran: bool
    wrote: list[str]
    memory: int
    seconds: float
    leaked: bool = False
    wrong: list[str] = field(default_factory=list)

    @property
    def got_through(self) -> bool:
        """Whether code ran, something was written elsewhere, or a secret came out."""
        return self.ran or bool(self.wrote) or self.leaked


def through(attack: Attack, name: str, root: Path) -> Outcome:
    """Carry an attack through one door; `Outcome.wrong` is empty where it holds.

    Args:
        attack: of whatever list.
        name: of the door.
        root: an empty folder.
    """
    place, door = Place(root), DOORS[attack.kind][name]
    place.home.mkdir(parents=True)
    place.sent.mkdir()
    attack.make(place)
    before = snapshot(place)
    outcome = execute([*door.words, *attack.words], place, attack.memory, attack.seconds)
    own = ("fingerprints", "formats")
    ours = ("home/.cache/matplotlib/*", *(f"home/.cache/kdrun/{name}/*" for name in own))
    allowed = ("canary", "told/*", "home/outputs/*", *ours, *door.writes)
    after = snapshot(place)
    changed = sorted(name for name in before.keys() | after if before.get(name) != after.get(name))
    outcome.wrote = [n for n in changed if not any(fnmatch(n, pattern) for pattern in allowed)]
    outcome.leaked = any(map(_tells, [outcome.out, outcome.err, *changed]))
    outcome.leaked |= any(_holds(place.root / name) for name in changed)
    outcome.wrong = list(_wrong(outcome, attack, name, door))
    return outcome


def _wrong(outcome: Outcome, attack: Attack, name: str, door: Door) -> Iterator[str]:
    if outcome.ran:
        yield "its code ran"
    if outcome.wrote:
        yield f"wrote {', '.join(outcome.wrote[:3])}"
    if outcome.leaked:
        yield "told what a variable of the environment holds"
    if outcome.memory > attack.memory:
        yield f"took {outcome.memory >> 20} MB"
    if outcome.seconds > attack.seconds:
        yield f"took {outcome.seconds:.1f} s"
    text = outcome.out + outcome.err
    if "Traceback" in text:
        yield "a traceback"
    if "\x1b" in text:
        yield "an escape sequence"
    told = outcome.err.strip().splitlines()
    if door.reads_only:  # what is not read among others is told by itself
        told = [line for line in told if not line.startswith("left out")]
    if outcome.status == 0 and (door.reads_only or name in attack.harmless):
        return
    if outcome.status != 2:
        yield f"status {outcome.status}"
    if len(told) != 1:
        yield f"{len(told)} lines: {outcome.err[-600:]}"


def snapshot(place: Place) -> dict[str, str]:
    """Every file below an attack's folder with a digest of what is in it."""
    found = {}
    for folder, _, files in os.walk(place.root):
        for name in files:
            path = Path(folder, name)
            with suppress(OSError):
                digest = os.readlink(path) if path.is_symlink() else _digest(path)
                found[str(path.relative_to(place.root))] = digest
    return found


def _tells(text: str) -> bool:
    return SECRET in text


def _holds(path: Path) -> bool:
    return path.is_file() and SECRET.encode() in path.read_bytes()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"


IMPORTED = (
    "kdrun.cli",
    "kdrun.run.execute",
    "kdrun.predict.command",
    "kdrun.export.student",
    "hydra",
    "torch._dynamo",  # which optimizers import, and transfer methods with it: seconds
)
"""What every fork has at once, so that a door costs what it does and no more."""


@cache
def warmed() -> None:
    """Import all that, and compose a config: Hydra's parser is slow until it has read one."""
    for name in IMPORTED:
        with suppress(ImportError):  # an older checkout may lack one
            importlib.import_module(name)
    warm()
    with suppress(ImportError):  # likewise
        from kdrun.config import validate

        validate.overrides(["teacher=linear", *SMALL])


def execute(words: list[str], place: Place, memory: int, seconds: float) -> Outcome:
    """Type `kdrun WORDS...` in a forked process.

    Args:
        words: after `kdrun`.
        place: whose home is the working folder.
        memory: bytes that it may take beyond what this process has.
        seconds: after which it is killed.
    """
    warmed()
    told = place.root / "told"
    told.mkdir(exist_ok=True)
    begin = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this process may have threads; none is at work
        # What others left, an ONNX session say, would wait for threads that a fork lacks.
        gc.freeze()
        child = os.fork()
    if child == 0:
        _be(words, place, told, memory, seconds)
    gc.unfreeze()
    killed, own, most = False, _anonymous(child), 0
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            break
        most = max(most, _anonymous(child))
        # Others may be at work on this machine: what counts is the processor's time.
        if time.monotonic() - begin > 3 * seconds and not killed:
            os.kill(child, signal.SIGKILL)
            killed = True
        time.sleep(0.005)
    return Outcome(
        status=os.waitstatus_to_exitcode(status),
        out=(told / "out").read_text(errors="replace"),
        err=(told / "err").read_text(errors="replace"),
        ran=place.canary.exists(),
        wrote=[],
        memory=max(0, most - own),
        seconds=time.monotonic() - begin if killed else used.ru_utime + used.ru_stime,
    )


def _anonymous(process: int) -> int:
    """Bytes of a process that are no file's; a limit on its addresses bounds what is missed."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


def _be(words: list[str], place: Place, told: Path, memory: int, seconds: float) -> None:
    """Become the command; never returns."""
    status = 70
    try:
        for number, name in ((1, "out"), (2, "err")):
            file = os.open(told / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
        sys.stdout, sys.stderr = (open(n, "w", buffering=1, closefd=False) for n in (1, 2))  # noqa: SIM115
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        warnings.resetwarnings()
        logging.getLogger().handlers.clear()  # pytest's own, which would swallow what is told
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2 * memory,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(place.home)
        os.environ |= {"HOME": str(place.home), "HYDRA_FULL_ERROR": "0", "SECRET": SECRET}
        os.environ.pop("HYDRA_FULL_ERROR")
        sys.path.insert(0, str(place.home))  # as under `python -m kdrun`
        sys.argv = ["kdrun", *words]
        importlib.import_module("kdrun.cli").main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def cases(attacks: Iterable[Attack]) -> Iterator[tuple[Attack, str]]:
    """Every attack with every door that takes it."""
    for attack in attacks:
        for name in attack.doors or DOORS[attack.kind]:
            yield attack, name
