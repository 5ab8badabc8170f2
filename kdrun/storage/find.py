"""What lies in the folders of runs, and what of it somebody could do without. Imports no torch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from kdrun.files.fingerprint import store
from kdrun.results.record import load_record
from kdrun.run.folder import CHECKPOINT, LOCK, UNBEGUN
from kdrun.run.pace import paces
from kdrun.sweep import CLAIM, taken

CACHES = {
    "teacher": "trained teachers; trained again when a run wants one",
    "features": "features of frozen networks; extracted again",
    "answers": "answers of frozen teachers; asked for again",
    "latency": "latencies of networks; measured again",
}
"""The folders of a cache, and what happens without them."""

OLD = 3600.0
"""Seconds after which nobody is writing a temporary file any more."""

RECORD = "record.json"


class Kind(Enum):
    """What something is, in the order in which it is told."""

    results = "finished runs: weights, records, pictures"
    busy = "runs that somebody is at"
    kept = "checkpoints kept by train.keep_checkpoint"
    checkpoints = "checkpoints of finished runs"
    unbegun = "folders of runs that never began"
    temporary = "temporary files of processes that were killed"
    unfinished = "runs that failed, were pruned, stopped or cut off; they could go on"
    cache = "cache"
    home = "digests of files, paces and formats of runs, in the user's cache"


LEFT_OVER = (Kind.checkpoints, Kind.unbegun, Kind.temporary)
"""What nobody misses."""


class Item(NamedTuple):
    """Something that lies there.

    Attributes:
        kind: what it is.
        path: a file, or a folder of which all counts.
        size: bytes that it takes.
        note: what of the kind, of a cache.
        run: the folder of the run that it is part of; None where it is of none.
    """

    kind: Kind
    path: Path
    size: int
    note: str = ""
    run: Path | None = None


def found(folder: Path) -> list[Item]:
    """What lies in a folder of runs and below, and for the whole machine in the user's cache.

    Nothing behind a symbolic link counts.

    Args:
        folder: of a run, of a sweep, of all of them, or a cache.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    items = list(_below(folder))
    homes = (store(), paces(), store().with_name("formats"))
    ours = [path for path in homes if path.is_dir() and not path.is_symlink()]
    items += [Item(Kind.home, path, size(path)) for path in ours]
    trials = Path(tempfile.gettempdir()).glob("kdrun-trial-*")
    old = [path for path in trials if _is_old(path) and path.is_dir() and not path.is_symlink()]
    items += [Item(Kind.temporary, path, size(path)) for path in old]
    return items


def size(path: Path) -> int:
    """Bytes that a file, or all below a folder, takes."""
    if path.is_symlink() or not path.is_dir():
        return _length(path)
    return sum(_length(Path(place, name)) for place, _, files in os.walk(path) for name in files)


def _length(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # somebody has just removed it
        return 0


def _below(folder: Path) -> Iterator[Item]:
    if (folder / RECORD).exists() or (folder / ".hydra").exists():
        yield from _of_run(folder)
        return
    try:
        entries = sorted(Path(entry.path) for entry in os.scandir(folder))
    except OSError:
        return
    is_cache = any((folder / name).is_dir() for name in CACHES)
    for path in entries:
        if path.is_symlink():
            continue
        if path.is_dir():
            if is_cache and path.name in CACHES and path.name != "teacher":
                yield Item(Kind.cache, path, size(path), path.name)
            elif is_cache and path.name == "teacher":
                yield from (_as_cache(item) for item in _below(path))
            else:
                yield from _below(path)
        elif path.name.startswith(".") and path.name.endswith(".tmp") and _is_old(path):
            yield Item(Kind.temporary, path, _length(path))


def _as_cache(item: Item) -> Item:
    """A finished run in a cache is part of it, with nothing in it that anybody asked for."""
    return item._replace(kind=Kind.cache, note="teacher") if item.kind is Kind.results else item


def _of_run(run_dir: Path) -> Iterator[Item]:
    if is_taken(run_dir):
        yield Item(Kind.busy, run_dir, size(run_dir), run=run_dir)
    else:
        yield from parts(run_dir)


def is_taken(run_dir: Path) -> bool:
    """Whether somebody is at a run; nothing is written to find out."""
    locks = any((run_dir / name).exists() for name in (LOCK, CLAIM))
    return locks and taken(run_dir)


def parts(run_dir: Path) -> Iterator[Item]:
    """The folder of a run that nobody is at, in the parts that go together."""
    try:
        record = load_record(run_dir)
    except FileNotFoundError:
        own = {*UNBEGUN, CLAIM, f"{LOCK}.owner"}
        names = {path.name for path in run_dir.iterdir()}
        kind = Kind.unfinished if names - own else Kind.unbegun
        yield Item(kind, run_dir, size(run_dir), run=run_dir)
        return
    except (ValueError, OSError):  # of a newer kdrun, or damaged: nothing is known of it
        yield Item(Kind.results, run_dir, size(run_dir), run=run_dir)
        return
    if record["status"] != "ok":
        yield Item(Kind.unfinished, run_dir, size(run_dir), run=run_dir)
        return
    apart = []
    if (checkpoint := run_dir / CHECKPOINT).is_file() and not checkpoint.is_symlink():
        wanted = record.get("runtime", {}).get("train.keep_checkpoint")
        kind = Kind.kept if wanted else Kind.checkpoints
        apart += [Item(kind, checkpoint, _length(checkpoint), run=run_dir)]
    left = list(run_dir.glob(".*.tmp"))
    apart += [Item(Kind.temporary, path, _length(path), run=run_dir) for path in left]
    yield from apart
    rest = size(run_dir) - sum(part.size for part in apart)
    yield Item(Kind.results, run_dir, rest, run=run_dir)


def _is_old(path: Path) -> bool:
    try:
        return path.lstat().st_mtime < time.time() - OLD
    except OSError:
        return False
