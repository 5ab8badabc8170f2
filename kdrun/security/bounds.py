"""How much memory a file may take when it is read: told before the memory is taken.

A few kilobytes can unpack to gigabytes, or ask for a network of any size. What a file may take is
`limit`, or ten times its own size where that is more. Imports nothing heavy.
"""

from __future__ import annotations

import importlib
import math
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

VARIABLE = "KDRUN_MAX_MEMORY"
"""Where the limit is kept, so that the processes of a run or sweep have it too."""

OPTION = "max_memory"
"""The key of a run's config. No file raises it: only what is typed counts."""

USUAL = "2GB"
TIMES = 10
"""Texts and tables grow so much when they are unpacked, seldom more."""

JSON = 30
"""Bytes that Python takes for a byte of JSON, at most: of `[[],[],...`."""

UNITS = {"KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}

BLOCK = 2**20
CELL = 16
"""Bytes that a cell of a table takes beside its characters, once as text and once as a place."""

PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
"""How packed files end, and the module that opens them."""


class TooLargeError(ValueError):
    """A file would take more memory than it may; the message says how to allow it."""


def allow(text: str | None) -> None:
    """Set the limit, for this process and those that it starts.

    Args:
        text: a number and a unit, `8GB`; None to leave it as it is.

    Raises:
        ValueError: it is something else.
    """
    if text is not None:
        size(text)
        os.environ[VARIABLE] = text


def allow_typed(words: Sequence[str]) -> None:
    """Set the limit as the overrides of a command say.

    Raises:
        ValueError: one is no limit.
    """
    for word in words:
        key, _, value = word.partition("=")
        if key == OPTION and value != "null":
            allow(value.strip("'\""))


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let a command take the limit."""
    parser.add_argument(
        "--max-memory", metavar="SIZE", help="what a file may take when it is read: 8GB"
    )


def limit() -> int:
    """What any file may take, in bytes.

    Raises:
        ValueError: the environment holds something else.
    """
    return size(os.environ.get(VARIABLE) or USUAL)


def size(text: str) -> int:
    """The bytes that `8GB` or `500MB` stands for.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(KB|MB|GB|TB)", str(text).upper())
    if not found:
        raise ValueError(f"max_memory={text:.40}: give a number and a unit, such as 8GB or 500MB")
    return int(float(found[1]) * UNITS[found[2]])


def allowed(path: str | Path) -> int:
    """What a file may take, in bytes."""
    return max(limit(), TIMES * os.stat(path).st_size)


def check(path: str | Path, taken: float, why: str) -> None:
    """Refuse a file that would take more than it may.

    Args:
        path: of the file.
        taken: bytes that reading it would take.
        why: what of it takes them, for the message.

    Raises:
        ValueError: that is too much; the message says how to allow it.
    """
    if taken > allowed(path):
        raise TooLargeError(refusal(path, f"would take {spelled(taken)} of memory", why, taken))


def refusal(path: str | Path, told: str, why: str, taken: float) -> str:
    """What is said of a file that may not take so many bytes, and how to allow it."""
    gigabytes = f"{math.ceil(taken / 2**30 + 0.1)}GB"
    return (
        f"{path} {told} ({why}), and a file of {spelled(os.stat(path).st_size)} may take "
        f"{spelled(allowed(path))}: if it is what you think it is, max_memory={gigabytes} "
        f"(--max-memory {gigabytes} of predict and export) allows it"
    )


def spelled(taken: float) -> str:
    """A number of bytes for people."""
    for unit, one in reversed(UNITS.items()):
        if taken >= one:
            return f"{taken / one:.3g} {unit}"
    return f"{taken:.0f} bytes"


def is_plain(path: str | Path) -> bool:
    """Whether this is a file with content: to open a pipe, a socket or a device may never end."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):  # a NUL byte in the name is a ValueError
        return False


def content(path: str | Path, times: int = 0, why: str = "") -> bytes:
    """The bytes of a plain file.

    Args:
        path: of the file.
        times: so many bytes a reader takes for each of them; 0 for no more than they are.
        why: what of it takes them, for the message.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a pipe, a device or a folder, or would take more than it may.
    """
    told = os.stat(path)
    if not stat.S_ISREG(told.st_mode):
        raise ValueError(f"{path} is not readable: it is no plain file")
    check(path, times * told.st_size, why)
    return Path(path).read_bytes()


def read(path: str | Path) -> bytes:
    """The content of a file; of one that ends as `PACKED` says, what is packed there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or unpacks to more than it may take.
    """
    path = Path(path)
    if not is_plain(path):
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix not in PACKED:
        return path.read_bytes()
    taken, most = 0, allowed(path)
    for part in _unpacked(path):  # counted first: nothing is kept of what is too large
        taken += len(part)
        if taken > most:
            told = f"unpacks to more than {spelled(most)}"
            raise TooLargeError(refusal(path, told, "as far as it was read", 2 * taken))
    return b"".join(_unpacked(path))


def _unpacked(path: Path) -> Iterator[bytes]:
    """What is in a packed file, a block at a time."""
    import lzma
    import zlib

    opened = importlib.import_module(PACKED[path.suffix]).open
    try:
        with opened(path) as file:
            while part := file.read(BLOCK):
                yield part
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as fault:
        raise ValueError(f"{path} is damaged ({fault}): fetch it again.") from fault


def inflate(packed: bytes, path: str | Path, why: str) -> bytes:
    """What zlib has packed into a part of a file.

    Raises:
        ValueError: it unpacks to more than the file may take.
        zlib.error: it is damaged.
    """
    import zlib

    unpacker, most = zlib.decompressobj(), allowed(path)
    content = unpacker.decompress(packed, most)
    if unpacker.unconsumed_tail:
        told = f"unpacks to more than {spelled(most)}"
        raise TooLargeError(refusal(path, told, why, 2 * most))
    if not unpacker.eof:
        raise zlib.error("incomplete or truncated stream")
    return content


def check_zip(path: str | Path, why: str) -> None:
    """Refuse a zip archive whose members are larger than it may be; damaged ones pass.

    Raises:
        ValueError: they are; the message says how to allow it.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as file:
            taken = sum(member.file_size for member in file.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError):
        return
    check(path, taken, why)


def check_table(path: str | Path, text: str, separator: str = ",") -> None:
    """Refuse a table whose rows are short and whose header is long: every row gets all columns.

    Args:
        path: of the file.
        text: what it holds, unpacked.
        separator: between cells.

    Raises:
        ValueError: it would take more than it may; the message says how to allow it.
    """
    rows = text.count("\n") + text.count("\r")
    header = text[: text.find("\n")].count(separator)
    columns = max(header, text.count(separator) // (rows + 1)) + 1
    told = f"{rows:,} rows of {columns:,} columns"
    check(path, 2 * len(text) + CELL * rows * columns, told)
