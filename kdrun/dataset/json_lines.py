"""JSON lines: an object a line, plain or packed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kdrun.dataset.charset import read_text
from kdrun.security import bounds

CELL = 64
"""Bytes that a value takes beside its characters, at most."""

ROW = 256
"""Likewise an object."""


def read_json_lines(path: str | Path, charset: str | None = None) -> list[dict[str, Any]]:
    """The objects of a file, one a line or all in one list, in their order.

    Args:
        path: of the file (.jsonl, .ndjson, .json; also .gz, .bz2, .xz).
        charset: its encoding; None for what is found.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no JSON object, or they would take more memory than they may.
    """
    text, _ = read_text(path, charset)
    values = sum(map(text.count, ",[{"))
    ends = text.count("\n")
    bounds.check(path, len(text) + CELL * values + ROW * ends, f"{ends:,} lines, {values:,} values")
    if text.lstrip().startswith("["):
        try:
            return [_object(row, f"{path}, row {n}") for n, row in enumerate(json.loads(text), 1)]
        except (json.JSONDecodeError, RecursionError):
            pass  # no list of all, so a line will be found that is no object
    # By newlines alone: other marks of a line's end may stand within a text.
    lines = [(f"{path}, line {n}", line) for n, line in enumerate(text.split("\n"), 1)]
    return [_object(_parsed(line, where), where) for where, line in lines if line.strip()]


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as fault:
        told = "nested too deeply" if isinstance(fault, RecursionError) else f"no JSON: {fault}"
        raise ValueError(f"{where} is {told}") from fault


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ValueError(f"{where} is no JSON object but {str(row)[:40]!r}.")
    return row


def check_keys(path: str | Path, rows: list[dict[str, Any]]) -> None:
    """Refuse rows that are small, and a huge table: each with keys of its own.

    Raises:
        ValueError: so they are.
    """
    keys = {key for row in rows for key in row}
    told = f"{len(rows):,} lines with {len(keys):,} keys"
    bounds.check(path, bounds.CELL * len(rows) * len(keys), told)
