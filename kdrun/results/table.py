"""Rows of results as CSV text: which columns there are, and which of them tell runs apart."""

from __future__ import annotations

import codecs
import csv
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from kdrun.security import bounds

log = logging.getLogger(__name__)

Value = str | int | float | bool | None
Row = dict[str, Value]

# fmt: off
COLUMNS = (
    "run_dir", "run_id", "status", "error",
    "method", "dataset", "source", "target", "teacher", "student", "transfer", "loss",
    "seed", "fold", "epochs",
    "test_accuracy", "test_top5", "test_precision", "test_recall", "test_f1",
    "test_balanced_accuracy",
    "test_nll", "test_ece", "test_mae", "test_rmse", "test_r2",
    "val_accuracy", "teacher_accuracy", "agreement", "retention",
    "student_params", "teacher_params", "compression", "student_macs",
    "latency_ms", "train_seconds", "samples_per_second", "peak_memory_mb",
    "device", "precision", "commit", "kdrun", "torch", "finished", "setup",
    "identity",
)
"""The leading columns of every results.csv, which anything may rely on."""

IDENTITY = (
    "method", "dataset", "source", "target", "teacher", "student", "transfer", "loss",
    "epochs", "precision",
)
"""Columns that say what a run is. Settings, whose names have dots, add to them."""
# fmt: on

DATA = ("test_hash", "split")
"""Columns that prove on which data a run was tested and trained."""

VERSIONS = ("kdrun", "torch", "commit")
"""Columns that say by which code a run was made."""

INCIDENTAL = (
    *("run_dir", "run_id", "status", "error", "notes", "device", "threads", "answers", "step"),
    *("finished", "setup", "identity", "table_file"),
    *VERSIONS,
)
"""Columns that say where a run happened, when, by what, and how it ended."""

JOINT = " | "
"""Between the notes of a run in one cell."""

REPLICATES = ("seed", "fold")
"""Columns in which the repetitions of one experiment differ."""

TEXT = frozenset({*IDENTITY, *INCIDENTAL, *DATA} - {"epochs", "threads"})
"""Columns that are text even where a value looks like a number: a student may be called 18."""


def to_csv(rows: Sequence[Mapping[str, Value]], leading: Sequence[str] = COLUMNS) -> str:
    """CSV text: the leading columns, then every other key in the order it first came."""
    columns = list(dict.fromkeys([*leading, *(key for row in rows for key in row)]))
    text = _write(rows, columns, csv.QUOTE_MINIMAL)
    # Before Python 3.13 the writer leaves a lone carriage return unquoted.
    return _write(rows, columns, csv.QUOTE_ALL) if "\r" in text else text


def _write(rows: Sequence[Mapping[str, Value]], columns: list[str], quoting: Literal[0, 1]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


_NUMBER = re.compile(r"[+-]?([0-9]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|nan)")
_WORDS: dict[str, Value] = {"": None, "True": True, "False": False}

LONGEST = 64
"""Characters of a number; a cell of thousands of digits is none."""


def read_csv(
    path: Path | str, text: frozenset[str] = frozenset(), needed: Collection[str] = ()
) -> list[Row]:
    """Rows of a CSV file. Cells that are numbers become numbers, but for `text` columns.

    A row that has not a cell for each column, or is no text, is left out, and logged.

    Args:
        path: of the file.
        text: columns whose cells stay as they are.
        needed: columns without which it is another kind of table.

    Raises:
        ValueError: a column is needed and absent, or there twice.
    """
    content = bounds.content(path).removeprefix(codecs.BOM_UTF8)
    lines = _lines(content.decode("utf-8", errors="surrogateescape"))
    columns = next(lines, [])
    if lacking := [column for column in needed if column not in columns]:
        raise ValueError(f"{path} is not a table of results: it has no {' and no '.join(lacking)}")
    if twice := [column for column, count in Counter(columns).items() if column and count > 1]:
        raise ValueError(f"{path} has more than one column '{twice[0]:.40}'")
    parsers = [_text if column in text else parse for column in columns]
    rows: list[Row] = []
    unread: list[str] = []
    for number, cells in enumerate(lines, start=2):
        if wrong := _unlike(cells, len(columns)):
            unread.append(f"row {number} {wrong}")
        elif cells:
            rows.append({k: p(c) for k, p, c in zip(columns, parsers, cells, strict=True) if k})
    if unread:
        more = f" and {len(unread) - 3} more" if len(unread) > 3 else ""
        log.warning("left out of %s: %s%s", path, "; ".join(unread[:3]), more)
    return rows


def _lines(text: str) -> Iterator[list[str]]:
    """The cells of each line; of one that csv cannot read, one cell that is no text."""
    csv.field_size_limit(2**31 - 1)  # an error message can be long, and is ours to read
    reader = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield ["\udcff"]


def _unlike(cells: list[str], count: int) -> str:
    """What is wrong with a row, if anything."""
    if any("\0" in cell or not _is_unicode(cell) for cell in cells):
        return "is no text in UTF-8"
    if cells and len(cells) != count:
        return f"has {len(cells)} cells for {count} columns"
    return ""


def _is_unicode(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(cell: str) -> Value:
    return cell or None


def parse(cell: str) -> Value:
    """The value that a cell stands for: a number, a truth value, None if empty, else its text."""
    if cell in _WORDS:
        return _WORDS[cell]
    if len(cell) > LONGEST or not _NUMBER.fullmatch(cell):
        return cell
    return int(cell) if cell.lstrip("+-").isdigit() else float(cell)


def flatten(config: dict[str, Any], prefix: str = "") -> Row:
    """Nested settings as one level of dotted keys; a list becomes JSON text."""
    flat: Row = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list) else value
    return flat


def differences(one: dict[str, Any], other: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted names of the settings in which two configs differ."""
    for key in one.keys() | other.keys():
        a, b = one.get(key), other.get(key)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            yield from differences(a, b, f"{prefix}{key}.")
        else:
            yield from (flatten({key: a}, prefix) | flatten({key: b}, prefix)).keys()


def setting(config: dict[str, Any], name: str) -> Value:
    """The value of a setting by its dotted name; None where there is none."""
    value: Any = config
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return json.dumps(value) if isinstance(value, (list, dict)) else value
