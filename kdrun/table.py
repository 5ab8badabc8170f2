"""Rows of results as CSV text: which columns there are, and which of them tell runs apart."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

Value = str | int | float | bool | None
Row = dict[str, Value]

# fmt: off
COLUMNS = (
    "run_dir", "run_id", "status", "error",
    "method", "dataset", "source", "target", "teacher", "student", "transfer", "loss",
    "seed", "epochs",
    "test_accuracy", "test_top5", "test_precision", "test_recall", "test_f1",
    "test_nll", "test_ece", "test_mae", "test_rmse", "test_r2",
    "val_accuracy", "teacher_accuracy", "agreement", "retention",
    "student_params", "teacher_params", "compression", "student_macs",
    "latency_ms", "train_seconds", "samples_per_second", "peak_memory_mb",
    "device", "precision", "commit",
)
"""The leading columns of every results.csv, which anything may rely on."""

IDENTITY = (
    "method", "dataset", "source", "target", "teacher", "student", "transfer", "loss",
    "epochs", "precision", "test_hash", "split",
)
"""Columns that say what a run is; settings add to them."""
# fmt: on

INCIDENTAL = ("run_dir", "run_id", "status", "error", "device", "commit")
"""Columns that say where a run happened and how it ended."""

REPLICATES = ("seed", "fold")
"""Columns in which the repetitions of one experiment differ."""

TEXT = frozenset({*IDENTITY, *INCIDENTAL} - {"epochs"})
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


_NUMBER = re.compile(r"[+-]?(\d+|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|nan)")
_WORDS: dict[str, Value] = {"": None, "True": True, "False": False}


def read_csv(path: Path | str, text: frozenset[str] = frozenset()) -> list[Row]:
    """Rows of a CSV file. Cells that are numbers become numbers, but for `text` columns."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        columns = next(reader, [])
        parse = [_text if column in text else _parse for column in columns]
        return [
            {key: p(cell) for key, p, cell in zip(columns, parse, cells, strict=False)}
            for cells in reader
        ]


def _text(cell: str) -> Value:
    return cell or None


def _parse(cell: str) -> Value:
    if cell in _WORDS:
        return _WORDS[cell]
    number = _NUMBER.fullmatch(cell)
    if not number:
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


def distinguishing(rows: Sequence[Row], settings: Sequence[Row]) -> list[str]:
    """The settings in which rows differ that agree in all that identifies them but the seed."""
    first: dict[tuple[Value, ...], Row] = {}
    keys: set[str] = set()
    for row, setting in zip(rows, settings, strict=True):
        reference = first.setdefault(tuple(row.get(key) for key in IDENTITY), setting)
        keys.update(key for key, _ in reference.items() ^ setting.items())
    # `random_state: ${seed}` says no more than the seed itself.
    return sorted(
        key
        for key in keys.difference(COLUMNS)
        if key.rpartition(".")[2] not in REPLICATES
        and any(
            s.get(key, row["seed"]) != row["seed"] for row, s in zip(rows, settings, strict=True)
        )
    )
