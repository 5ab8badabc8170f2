"""`kdrun diff`: the settings in which two runs differ, and what came of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kdrun.results.glossary import is_share
from kdrun.results.record import Record, load_record, row
from kdrun.results.table import DATA, VERSIONS, Row, Value, differences, setting
from kdrun.terminal.narrow import narrowed, terminal_width
from kdrun.terminal.printable import printable

Line = tuple[str, str, str]

RAN = (*VERSIONS, "device", "threads", "precision", *DATA)
"""Columns that say by what, and on which data, a run was made."""


def main(arguments: list[str]) -> int:
    """Print what differs between two runs; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="kdrun diff",
        description="Print the settings in which two runs differ, the code and data if those "
        "differ, and the metrics.",
    )
    parser.add_argument("a", type=Path, metavar="A", help="the folder of a run")
    parser.add_argument("b", type=Path, metavar="B", help="the folder of another")
    options = parser.parse_args(arguments)
    try:
        one, other = _record(options.a), _record(options.b)
    except (ValueError, OSError) as error:
        print(f"kdrun diff: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    settings = compare_configs(one, other)
    parts = [
        f"A: {printable(options.a)}\nB: {printable(options.b)}",
        _table("setting", settings) or "the configs of both runs are the same",
        _table("made", compare_runs(one, other)),
        _table("metric", compare_metrics(one, other)),
    ]
    print("\n\n".join(filter(None, parts)))
    return 0


def compare_configs(one: Record, other: Record) -> list[Line]:
    """Each setting that differs, with its value in either run; `-` where it has none."""
    a, b = one.get("config", {}), other.get("config", {})
    names = sorted(differences(a, b))
    # A section that only one has is told by what is in it.
    leaves = [name for name in names if not any(n.startswith(f"{name}.") for n in names)]
    return [(name, _shown(setting(a, name)), _shown(setting(b, name))) for name in leaves]


def compare_runs(one: Record, other: Record) -> list[Line]:
    """What of the code, the device and the data differs."""
    a, b = row(one), row(other)
    return [(k, _shown(a.get(k)), _shown(b.get(k))) for k in RAN if a.get(k) != b.get(k)]


def compare_metrics(one: Record, other: Record) -> list[Line]:
    """What was measured in either run, equal or not; shares in per cent."""
    a, b = one.get("metrics", {}), other.get("metrics", {})
    names = [name for name in a | b if a.get(name) is not None or b.get(name) is not None]
    return [
        (f"{name} [%]" if is_share(name) else name, _number(name, a), _number(name, b))
        for name in names
    ]


def _record(folder: Path) -> Record:
    """The record of a run.

    Raises:
        FileNotFoundError: this is not the folder of one.
        ValueError: it is not readable.
    """
    try:
        return load_record(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{folder} is no run: it has no record.json") from error


def _table(what: str, lines: Sequence[Line]) -> str:
    from kdrun.compare.present import tabulated

    rows: list[Row] = [dict(zip((what, "A", "B"), line, strict=True)) for line in lines]
    return tabulated(narrowed(rows, terminal_width(), ())[0], "table") if rows else ""


def _shown(value: Value) -> str:
    return "-" if value is None else printable(value)


def _number(name: str, metrics: dict[str, Value]) -> str:
    from kdrun.compare.present import number

    value = metrics.get(name)
    return "-" if value is None else number(name, float(value))
