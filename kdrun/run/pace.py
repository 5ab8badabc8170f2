"""How long the parts of a run take, remembered in the user's cache. Imports no torch.

Every run that ends tells it of itself; the next sweep of such runs is then estimated without a
trial. It is a cache: what cannot be read or written is not missed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from omegaconf import DictConfig

from kdrun.files.fingerprint import store
from kdrun.version import __version__

CROWDED = "KDRUN_CROWDED"
"""Set for a process that shares its cores with more threads than there are: its pace is no rule."""

T = TypeVar("T")


class Pace(NamedTuple):
    """How long the parts of a run take, in seconds.

    Attributes:
        begin: until training begins: data, networks, transfer; without the teachers it trains.
        epoch: an epoch: steps, validation, checkpoint.
        end: all after training, of each network: scores, pictures, weights.
        epochs: how many there are, where that is no setting; None: `train.epochs`.
        students: how many networks are scored in the end.
        wants: the kinds of the teachers that it asks for, as `kdrun.sweep.kinds.kind` tells them.
        imports: until a process has loaded what a run needs.
    """

    begin: float
    epoch: float
    end: float
    epochs: int | None = None
    students: int = 1
    wants: tuple[str, ...] = ()
    imports: float = 0.0


def brief(kind: str) -> str:
    """A short name for a kind of run."""
    return hashlib.sha256(kind.encode()).hexdigest()[:32]


def paces() -> Path:
    """The folder where they are remembered."""
    return store().with_name("paces")


def place(kind: str, threads: int | None, device: str) -> Path:
    """The file of a kind of run on this machine.

    Args:
        kind: as `kdrun.sweep.kinds.kind` tells it.
        threads: of the run; None for as many as the environment says.
        device: as it is asked for: `auto` is another one on another machine.
    """
    many = os.environ.get("OMP_NUM_THREADS") if threads is None else str(threads)
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES") is None
    where = json.dumps([kind, many, device, gpu, socket.gethostname(), __version__])
    return paces() / f"{brief(where)}.json"


def remember(path: Path, pace: Pace, *, first: bool) -> None:
    """Write how long a kind of run takes.

    Args:
        path: its file.
        pace: of a run.
        first: whether that was the first one of its process, which had more to load.
    """
    found = _read(path) | {"first" if first else "later": pace._asdict()}
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(found))
        temporary.replace(path)


def recall(path: Path, *, first: bool) -> Pace | None:
    """How long a kind of run takes; None where nobody knows.

    Args:
        path: its file.
        first: whether each is the first one of its process; otherwise what the first one loads
            counts to its imports.
    """
    found = _read(path)
    begun, later = _pace(found.get("first")), _pace(found.get("later"))
    if first or begun is None or later is None:
        return (begun or later) if first else (later or begun)
    more = begun.begin + begun.end - later.begin - later.end
    return later._replace(imports=begun.imports + max(0.0, more))


def _pace(told: Any) -> Pace | None:
    with contextlib.suppress(KeyError, TypeError, ValueError):
        numbers = [float(told[key]) for key in ("begin", "epoch", "end", "imports")]
        if all(0 <= number < 1e9 for number in numbers):
            return Pace(**{**told, "wants": tuple(told["wants"])})
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Stopwatch:
    """Takes the times of a run as it goes.

    The pace is known after the second epoch for the first time, the end being taken to last as
    long as an epoch, and for good when the run is over.

    Args:
        config: of the run, resolved.
    """

    _loaded = _ended = False  # whether a run of this process has loaded, and written, all that

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self.start = time.perf_counter()
        self.elsewhere = self.begin = self.imports = 0.0
        self.epochs: list[float] = []
        self.wants: set[str] = set()
        self.first = not Stopwatch._loaded
        Stopwatch._loaded = True

    def loaded(self) -> None:
        """What a run needs is loaded, and it begins."""
        self.imports, self.start = self._since(), time.perf_counter()

    def apart(self, train: Callable[[Mapping[str, Any]], T]) -> Callable[[Mapping[str, Any]], T]:
        """What trains the network of a role, whose time is no part of this run's."""
        from kdrun.sweep.kinds import kind
        from kdrun.teacher.run import teacher_run

        def timed(role: Mapping[str, Any]) -> T:
            before = time.perf_counter()
            try:
                self.wants.add(brief(kind(teacher_run(self.config, role).config)))
                return train(role)
            finally:
                self.elsewhere += time.perf_counter() - before

        return timed

    def built(self) -> None:
        """All is built, and training begins."""
        self.begin, self.start = self._since() - self.elsewhere, time.perf_counter()

    def watching(self, watch: Callable[[dict[str, Any]], None] | None) -> Any:
        """What is told each epoch: `watch` is, after it was timed."""

        def timed(row: dict[str, Any]) -> None:
            self.epochs.append(self._since())
            if len(self.epochs) == 2:
                self._remember(self._epoch(), guess=True)
            if watch is not None:
                watch(row)

        return timed

    def trained(self) -> None:
        """Training is over."""
        self.start = time.perf_counter()

    def ended(self, epochs: int, students: int) -> None:
        """The run is over.

        Args:
            epochs: that it has, whatever its settings say.
            students: how many networks were scored.
        """
        first, Stopwatch._ended = not Stopwatch._ended, True
        self.first |= first
        if self.epochs or not epochs:
            self._remember(self._since() / students, epochs, students)

    def _since(self) -> float:
        return time.perf_counter() - self.start

    def _epoch(self) -> float:
        """Seconds of an epoch; the first one loads much where there are others."""
        if len(self.epochs) < 2:
            return sum(self.epochs)
        return (self.epochs[-1] - self.epochs[0]) / (len(self.epochs) - 1)

    def _remember(
        self, end: float, epochs: int | None = None, students: int = 1, guess: bool = False
    ) -> None:
        from kdrun.sweep.kinds import kind

        train = self.config.train
        if train.devices * train.nodes > 1 or os.environ.get(CROWDED):
            return
        path = place(kind(self.config), None, train.device)
        if guess and recall(path, first=self.first) is not None:
            return
        own = None if epochs == train.epochs else epochs
        wants = tuple(sorted(self.wants))
        pace = Pace(self.begin, self._epoch(), end, own, students, wants, self.imports)
        remember(path, pace, first=self.first)
