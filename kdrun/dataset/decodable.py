"""Which image files can be decoded: looked at before training, and once for each file."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kdrun.dataset.arrow import located
from kdrun.dataset.image import read_image

log = logging.getLogger(__name__)

THREADS = min(16, os.cpu_count() or 1)
"""Decoders let go of Python's lock, so threads are enough."""

SIDE = 8
"""A JPEG is decoded at an eighth of its size, which reads all of the file."""

MANY = 2_000
"""So many files take long enough to be worth a word."""


def refuse_damaged(root: str, paths: Sequence[str]) -> None:
    """Decode every file that was not decoded before.

    Which files were sound is remembered by device, inode, size and times, in the user's cache.

    Args:
        root: the folder that they lie in.
        paths: the files.

    Raises:
        ValueError: some cannot be decoded; the message counts them and names the first.
    """
    store = _store() / hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    known = _remembered(store)
    keys = dict(zip(paths, map(_key, paths), strict=True))
    new = [path for path, key in keys.items() if key not in known]
    if len(new) >= MANY:
        log.info("looking at %s image files, once, for damaged ones", f"{len(new):,}")
    with ThreadPoolExecutor(THREADS) as pool:
        faults = [fault for fault in pool.map(_fault, new) if fault]
    if faults:
        more = f" {len(faults) - 1} more cannot be read either." if len(faults) > 1 else ""
        raise ValueError(f"{faults[0]}{more}")
    if new:
        _remember(store, sorted(keys.values()))


def _fault(path: str) -> str | None:
    try:
        read_image(path, (3, SIDE, SIDE))
    except ValueError as fault:
        return str(fault)
    return None


def _key(path: str) -> str:
    place = located(path)
    status = os.stat(place.file if place else path)
    told = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    row = (f"{place.row}:{place.column}",) if place else ()
    return " ".join(map(str, (*told, *row)))


def _store() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "kdrun" / "images"


def _remembered(store: Path) -> set[str]:
    try:
        return set(store.read_text().splitlines())
    except (OSError, ValueError):  # a cache: what cannot be read is looked at again
        return set()


def _remember(store: Path, keys: Sequence[str]) -> None:
    temporary = store.with_name(f"{store.name}.{os.getpid()}")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("\n".join(keys))
        temporary.replace(store)
    except OSError:  # a home that cannot be written to: the next run looks again
        log.debug("%s cannot be written", store)
