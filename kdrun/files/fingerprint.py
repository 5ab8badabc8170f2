"""What files hold, as digests that cost no more than a look where nothing has changed.

A file's digest is its SHA-256, as `sha256sum` prints it. It is remembered by device, inode, size
and times, in the user's cache. As in git's index, a file that was changed within the grain of the
clock before it was read is not remembered: it could change once more under the same times.
Imports no torch: a run is named by this before that is loaded.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

GRAIN = 100_000_000
"""Nanoseconds between two changes that a file system's clock tells apart for sure."""

COARSE = 2_000_000_000
"""The same where times are whole seconds, or pairs of them."""

THREADS = 16
"""Readers at once: what they wait for is a disk, or a server."""

CHUNK = 500
"""Files that one of them is given at a time."""

SMALL = 4 * 2**20
"""Bytes that are read again sooner than looked up."""

PATIENCE = 1.0
"""Seconds after which one is told what is going on."""

OURS = (".hydra", ".results.lock")
"""What the folders of runs and of sweeps hold, which are no data."""

T = TypeVar("T")

_looked: dict[tuple[str, tuple[str, ...]], str] | None = None


@contextmanager
def once() -> Iterator[None]:
    """Within the block each path is looked at once, however many jobs of a sweep read it."""
    global _looked
    before, _looked = _looked, {}
    try:
        yield
    finally:
        _looked = before


def fingerprint(path: Path | str, below: Sequence[str] = ()) -> str:
    """A digest of what a file or a folder holds, wherever it lies and whatever it is called.

    Args:
        path: of a file; or of a folder, of which all files below count by their names and contents,
            but for hidden ones, those of Python's caches, and the outputs of kdrun.
        below: which files and folders of the folder count; those that are not there do not.

    Returns:
        64 hexadecimal digits; of a file its SHA-256.

    Raises:
        FileNotFoundError: there is nothing, or nothing of `below`.
        OSError: it cannot be read.
    """
    key = (os.path.abspath(path), tuple(below))
    if _looked is not None and key in _looked:
        return _looked[key]
    with _told(path):
        found = contents([os.fspath(path)])[0] if os.path.isfile(path) else _folder(path, below)
    if _looked is not None:
        _looked[key] = found
    return found


def _folder(path: Path | str, below: Sequence[str]) -> str:
    places = [os.path.join(path, name) for name in below] or [os.fspath(path)]
    places = [place for place in places if os.path.exists(place)]
    if not places:
        raise FileNotFoundError(f"there is no {' and no '.join(below) or 'file'} in {path}")
    whole, start = hashlib.sha256(), len(os.path.join(path, ""))
    for place in places:
        files = sorted(files_below(place)) if os.path.isdir(place) else [place]
        for file, digest in zip(files, contents(files), strict=True):
            whole.update(os.fsencode(file[start:]) + b"\0" + digest.encode())
    return whole.hexdigest()


def walked(folder: Path | str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`; links are followed, and each folder is entered once."""
    seen: set[tuple[int, int]] = set()
    for place, below, names in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield place, below, names


def files_below(folder: Path | str) -> list[str]:
    """The files that count in a folder and below; links are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    found: list[str] = []
    level = [os.fspath(folder)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(THREADS) as pool:
        while level:
            below: list[str] = []
            for files, folders, place in pool.map(_listed, level):
                if place not in seen:
                    seen.add(place)
                    found += files
                    below += folders
            level = below
    return found


def _listed(folder: str) -> tuple[list[str], list[str], tuple[int, int]]:
    """The files and the folders in a folder, and what tells it from others."""
    status = os.stat(folder)
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(), entry.path) for entry in entries]
    if not any(name in OURS for name, _, _ in names):
        for name, is_folder, path in names:
            if name.startswith(".") or (is_folder and name.startswith("__")):
                continue
            (folders if is_folder else files).append(path)
    return files, folders, (status.st_dev, status.st_ino)


def contents(paths: Sequence[str]) -> list[str]:
    """The SHA-256 of each file, read where it is not remembered.

    Raises:
        OSError: one cannot be read.
    """
    if not paths:
        return []
    now = time.time_ns()
    looks = [look for part in _in_parts(_look, paths) for look in part]
    table = _table(paths)
    worthwhile = len(paths) >= CHUNK or sum(look.size for look in looks) >= SMALL
    known = _remembered(table) if worthwhile else {}
    new = {path: look for path, look in zip(paths, looks, strict=True) if look.key not in known}
    read = [digest for part in _in_parts(_read, list(new)) for digest in part]
    fresh = dict(zip(new, read, strict=True))
    if worthwhile and new:
        settled = {look.key: fresh[path] for path, look in new.items() if _is_settled(look, now)}
        if len(known) > 2 * len(paths):  # most of what was known is gone
            known = {look.key: known[look.key] for look in looks if look.key in known}
        _remember(table, known | settled)
    return [fresh[p] if p in fresh else known[k.key] for p, k in zip(paths, looks, strict=True)]


def _in_parts(function: Callable[[Sequence[str]], T], paths: Sequence[str]) -> list[T]:
    """What a function says of parts of a list, several at once."""
    parts = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    if len(parts) < 2:
        return [function(part) for part in parts]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, parts))


class Look(NamedTuple):
    """What a file system says of a file without reading it.

    Attributes:
        key: device, inode, size, and the times of the last change of content and of anything.
        size: in bytes.
        changed: the later of the times, in nanoseconds.
    """

    key: str
    size: int
    changed: int


def _look(paths: Sequence[str]) -> list[Look]:
    found = []
    for path in paths:
        s = os.stat(path)
        size, changed, moved = s.st_size, s.st_mtime_ns, s.st_ctime_ns
        key = f"{s.st_dev} {s.st_ino} {size} {changed} {moved}"
        found.append(Look(key, size, max(changed, moved)))
    return found


def _read(paths: Sequence[str]) -> list[str]:
    found = []
    for path in paths:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            found.append(hashlib.sha256(b"no file").hexdigest())
            continue
        with open(path, "rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return found


def _is_settled(look: Look, now: int) -> bool:
    """Whether a file that is changed from now on will have other times."""
    return look.changed < now - (COARSE if look.changed % 1_000_000_000 == 0 else GRAIN)


def store() -> Path:
    """Where digests are remembered."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "kdrun" / "fingerprints"


def _table(paths: Sequence[str]) -> Path:
    """The file that remembers those of a folder."""
    place = paths[0] if len(paths) == 1 else os.path.commonpath([*map(os.path.abspath, paths)])
    return store() / hashlib.sha256(os.fsencode(os.path.realpath(place))).hexdigest()[:32]


def _remembered(table: Path) -> dict[str, str]:
    """Digests by `Look.key`."""
    try:
        lines = table.read_text().splitlines()
    except (OSError, ValueError):  # a cache: what cannot be read is made again
        return {}
    parted = (line.rpartition(" ") for line in lines)
    return {key: digest for key, _, digest in parted if len(digest) == 64}


def _remember(table: Path, known: Mapping[str, str]) -> None:
    """Write digests; of what was known of one inode, the last."""
    last = {" ".join(key.split(" ", 2)[:2]): key for key in known}
    lines = [f"{key} {known[key]}" for key in last.values()]
    temporary = table.with_name(f"{table.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("\n".join(lines))
        temporary.replace(table)
    except OSError:  # a home that cannot be written to: it is read again the next time
        return


@contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """Say what is going on if it takes long; before a log is set up, so on the standard error."""

    def tell() -> None:
        told = f"looking whether anything of {os.fspath(path)} has changed"
        print(told.encode(errors="backslashreplace").decode(), file=sys.stderr, flush=True)

    timer = threading.Timer(PATIENCE, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def combined(digests: Iterable[str]) -> str:
    """One digest of several."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
