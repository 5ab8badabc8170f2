"""`kdrun collect`: the table of a sweep, built anew from what each of its runs recorded."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from kdrun.results.record import collect, find_records
from kdrun.terminal.printable import printable


def main(arguments: list[str]) -> int:
    """Rebuild a folder's results.csv; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="kdrun collect",
        description="Rebuild DIR/results.csv from the record.json of every run in DIR.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="of a sweep, or of runs")
    folder = parser.parse_args(arguments).folder
    try:
        _check(folder)
        rows = collect(folder)
    except (ValueError, OSError) as error:
        print(f"kdrun collect: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    states = Counter(str(row["status"]) for row in rows)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    print(f"{folder / 'results.csv'}: {len(rows)} row{'s' * (len(rows) != 1)} ({told})")
    return 0


def _check(folder: Path) -> None:
    """Refuse before anything is written: an empty table would replace one of a single run."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    if (folder / "record.json").exists():
        raise ValueError(f"{folder} is itself a run; name the folder around it, {folder.parent}")
    if not find_records(folder):
        raise ValueError(f"no run was found: looked for {folder}/*/record.json")
