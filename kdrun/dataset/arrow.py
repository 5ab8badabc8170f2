"""Pictures in a column of an Arrow file: each has an address, as a file has its path.

The file is memory-mapped, so a picture is read when it is decoded, and processes share it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from kdrun.files.fingerprint import contents

if TYPE_CHECKING:
    from pathlib import Path

MARK = "arrow:"


class Located(NamedTuple):
    """Where a picture lies.

    Attributes:
        row: in the file.
        column: of structs with `bytes`.
        file: in Arrow's stream format.
    """

    row: int
    column: str
    file: str


def address(row: int, column: str, file: str) -> str:
    """What stands for a picture where others have their path."""
    return f"{MARK}{row}:{quote(column, safe='')}:{file}"


def located(path: str | Path) -> Located | None:
    """Where an address leads; None for the path of a file."""
    text = str(path)
    if not text.startswith(MARK):
        return None
    _, row, column, file = text.split(":", 3)
    return Located(int(row), unquote(column), file)


def opened(path: str | Path) -> tuple[Any, str | Path]:
    """What Pillow reads of a path or an address, and the file that it lies in.

    Raises:
        ValueError: there is no picture at the address.
    """
    found = located(path)
    return (path, path) if found is None else (io.BytesIO(_bytes(found)), found.file)


def digests(paths: Sequence[str]) -> list[str]:
    """The SHA-256 of each picture."""
    found = [located(path) for path in paths]
    if any(one is None for one in found):
        return contents(paths)
    return [hashlib.sha256(_bytes(one)).hexdigest() for one in found if one]


def _bytes(where: Located) -> Any:
    cell = _column(where.file, where.column)[where.row]["bytes"]
    if not cell.is_valid:
        raise ValueError(f"row {where.row} of {where.file} holds no picture")
    return cell.as_buffer()


@cache
def _column(file: str, column: str) -> Any:
    import pyarrow

    return pyarrow.ipc.open_stream(pyarrow.memory_map(file)).read_all()[column]
