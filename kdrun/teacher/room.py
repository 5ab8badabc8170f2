"""How much of the disk kept answers take: what was not used for longest goes first."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

log = logging.getLogger(__name__)

USED = ".used"
"""The file of a folder that those who read it hold, and whose time says when one last did."""

PLANNED = ".planned"
"""The file of a folder that says how many bytes it is to hold."""


class NoRoomError(ValueError):
    """What is to be kept does not fit; the message has the sizes."""


class Stay:
    """Keeps a folder from being deleted until it is closed, or nothing refers to it any more.

    The kernel closes it when this process dies.

    Args:
        file: that is held.
    """

    def __init__(self, file: Path) -> None:
        self._file: int | None = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        os.utime(self._file)

    def close(self) -> None:
        """Leave."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        self.close()


class Room:
    """The folders of answers in one cache.

    Args:
        root: which holds them.
        limit: bytes that all of them may take.
    """

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit

    def enter(self, folder: Path) -> Stay:
        """Make a folder, and keep others from deleting it until it is left."""
        with self._alone():
            folder.mkdir(parents=True, exist_ok=True)
            return Stay(folder / USED)

    def reserve(self, folder: Path, size: int) -> None:
        """See to it that a folder can grow to a size; others go that nobody uses.

        Raises:
            NoRoomError: it would still be too much; or the disk has less.
        """
        with self._alone():
            size = max(size, _bytes(folder))
            if size > self.limit:
                raise NoRoomError(f"{told(size)} are more than cache_limit={told(self.limit)}")
            others = [one for one in self.root.iterdir() if one.is_dir() and one != folder]
            taken = {one: _claimed(one) for one in others}
            for one in sorted(others, key=_last_used):
                if sum(taken.values()) + size <= self.limit:
                    break
                if _remove(one):
                    log.info("answers that were not used for longest go: %s", one)
                    del taken[one]
            if sum(taken.values()) + size > self.limit:
                raise NoRoomError(
                    f"{told(size)} beside the {told(sum(taken.values()))} that others use are more "
                    f"than cache_limit={told(self.limit)}"
                )
            free = shutil.disk_usage(self.root).free
            if size - _bytes(folder) > free:
                raise NoRoomError(
                    f"{told(size)} are to be kept, and the disk has {told(free)} left"
                )
            (folder / PLANNED).write_text(str(size))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".lock"):
            yield


def told(size: float) -> str:
    """Bytes in words: `12.3 MB`."""
    unit, *larger = "bytes", "KB", "MB", "GB", "TB"
    while size >= 1024 and larger:
        size, unit = size / 1024, larger.pop(0)
    return f"{size:.3g} {unit}"


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with suppress(OSError):  # another process renames its files
            total += path.stat().st_size
    return total


def _claimed(folder: Path) -> int:
    """The bytes of a folder; of one in use, those that it will have."""
    planned = 0
    if _in_use(folder):
        with suppress(OSError, ValueError):
            planned = int((folder / PLANNED).read_text())
    return max(planned, _bytes(folder))


def _last_used(folder: Path) -> float:
    try:
        return (folder / USED).stat().st_mtime
    except OSError:
        return 0.0


def _in_use(folder: Path) -> bool:
    try:
        with (folder / USED).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _remove(folder: Path) -> bool:
    """Delete a folder, unless somebody uses it."""
    if _in_use(folder):  # nobody enters it now: they wait for the same lock
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
