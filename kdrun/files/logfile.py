"""run.log, and other files of a run's folder, opened where they are: never through a link."""

from __future__ import annotations

import errno
import os
from io import TextIOWrapper
from logging import FileHandler
from pathlib import Path
from typing import IO

OURS = (".hydra", "run.log", ".lock", ".claim", "record.json", "results.csv", "metrics.csv")
"""What a run writes by name into its folder."""


def append(path: Path | str) -> IO[bytes]:
    """Open a file to write at its end, and make it where it is not there.

    Raises:
        ValueError: it is a symbolic link, which may lead anywhere.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.fdopen(os.open(path, flags, 0o666), "ab")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(_is_a_link(Path(path))) from error
        raise


def refuse_links(folder: Path) -> None:
    """Refuse the folder of a run in which what kdrun writes is a link to somewhere else.

    Raises:
        ValueError: there is one.
    """
    for name in OURS:
        if (folder / name).is_symlink():
            raise ValueError(_is_a_link(folder / name))


def _is_a_link(path: Path) -> str:
    return f"{path} is a symbolic link, and kdrun writes through none: remove it"


class RunLog(FileHandler):
    """Appends to a log that is no link."""

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(append(self.baseFilename), encoding="utf-8", write_through=True)
