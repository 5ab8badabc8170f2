"""JSON lines: an object a line, plain or packed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kdrun import bounds

CELL = 64
"""Bytes that a value takes beside its characters, at most."""

ROW = 256
"""Likewise an object."""


def read_json_lines(path: str | Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines (.jsonl, .ndjson; also .gz, .bz2, .xz), in their order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no JSON object, or they would take more memory than they may.
    """
    content = bounds.read(path)
    values = sum(map(content.count, (b",", b"[", b"{")))
    ends = content.count(b"\n") + content.count(b"\r")
    bounds.check(
        path, len(content) + CELL * values + ROW * ends, f"{ends:,} lines, {values:,} values"
    )
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as fault:
            told = "nested too deeply" if isinstance(fault, RecursionError) else f"no JSON: {fault}"
            raise ValueError(f"{path}, line {number} is {told}") from fault
        if not isinstance(row, dict):
            raise ValueError(f"{path}, line {number} is no JSON object but {line[:40]!r}.")
        rows.append(row)
    return rows


def check_keys(path: str | Path, rows: list[dict[str, Any]]) -> None:
    """Refuse rows that are small, and a huge table: each with keys of its own.

    Raises:
        ValueError: so they are.
    """
    keys = {key for row in rows for key in row}
    told = f"{len(rows):,} lines with {len(keys):,} keys"
    bounds.check(path, bounds.CELL * len(rows) * len(keys), told)
