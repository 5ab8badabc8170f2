"""Locks between processes, which say whose they are to those who wait."""

from __future__ import annotations

import getpass
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from kdrun.security import bounds

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds of waiting after which one is told for whom."""


@contextmanager
def held(path: Path, what: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a lock, which the kernel releases when this process dies.

    Args:
        path: of the lock; beside it lies, while it is held, a file that says whose it is.
        what: is waited for, for those who read along.
        patience: seconds until they are told.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        log.info("waiting for %s: %s is at it (%s)", what, owner(path), path)
        lock.acquire()
    sign = _sign(path)
    try:
        with suppress(OSError):
            sign.write_text(json.dumps(_self()))
        yield
    finally:
        with suppress(OSError):
            sign.unlink(missing_ok=True)
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a process holds a lock."""
    if not path.parent.is_dir():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def owner(path: Path) -> str:
    """Whose a lock is, in words."""
    try:
        told = json.loads(bounds.content(_sign(path)))
        return f"process {told['process']} of {told['user']} on {told['host']}, {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _sign(path: Path) -> Path:
    return path.with_name(f"{path.name}.owner")


def _self() -> dict[str, str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    since = datetime.now().strftime("since %H:%M:%S")
    return {
        "process": str(os.getpid()),
        "user": user,
        "host": socket.gethostname(),
        "since": since,
    }
