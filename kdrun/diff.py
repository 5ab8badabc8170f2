"""`kdrun diff`: the settings in which two runs differ, and nothing else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kdrun.results import load_record
from kdrun.table import differences, setting
from kdrun.terminal import printable


def main(arguments: list[str]) -> int:
    """Print what differs between the configs of two runs; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="kdrun diff", description="Print the settings in which two runs differ."
    )
    parser.add_argument("a", type=Path, metavar="A", help="the folder of a run")
    parser.add_argument("b", type=Path, metavar="B", help="the folder of another")
    options = parser.parse_args(arguments)
    try:
        rows = compare_configs(options.a, options.b)
    except (ValueError, OSError) as error:
        print(f"kdrun diff: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    if not rows:
        print("the configs of both runs are the same")
        return 0

    from tabulate import tabulate

    print(f"A: {options.a}\nB: {options.b}\n")
    print(tabulate(rows, ["setting", "A", "B"], disable_numparse=True))
    return 0


def compare_configs(a: Path, b: Path) -> list[tuple[str, str, str]]:
    """The name of each setting that differs, with its value in either run; `-` where it has none.

    Raises:
        FileNotFoundError: one is not the folder of a run.
        ValueError: a record is not readable.
    """
    one, other = (_config(folder) for folder in (a, b))
    names = sorted(differences(one, other))
    # A section that only one has is told by what is in it.
    leaves = [name for name in names if not any(n.startswith(f"{name}.") for n in names)]
    return [(name, _shown(one, name), _shown(other, name)) for name in leaves]


def _config(folder: Path) -> dict[str, object]:
    try:
        return load_record(folder).get("config", {})
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{folder} is no run: it has no record.json") from error


def _shown(config: dict[str, object], name: str) -> str:
    value = setting(config, name)
    return "-" if value is None else str(value)
