"""`kdrun du`: what runs, caches and leftovers take of the disk."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from kdrun.storage.find import CACHES, LEFT_OVER, Item, Kind, found
from kdrun.terminal.narrow import paragraphs, terminal_width
from kdrun.terminal.printable import printable

BY = {Kind.unfinished: "--unfinished", Kind.cache: "--cache", Kind.home: "--home"}
"""By which flag of `kdrun clean` what is no leftover goes."""


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="kdrun du",
        description="Tell what finished runs, caches and leftovers take of the disk.",
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("outputs"), metavar="DIR", help="outputs"
    )
    folder = parser.parse_args(arguments).folder
    try:
        items = found(folder)
    except OSError as error:
        print(f"kdrun du: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    print(table(items))
    if any(item.kind in LEFT_OVER for item in items):
        told = f"kdrun clean {printable(folder)} removes what has `clean` beside it, and asks first"
        print(paragraphs(told, terminal_width()))
    return 0


def table(items: Sequence[Item]) -> str:
    """Sizes by what things are, and how each may go."""
    rows: list[tuple[str, int | str, str, str]] = []
    for kind in Kind:
        for note in dict.fromkeys(item.note for item in items if item.kind is kind):
            own = [item for item in items if (item.kind, item.note) == (kind, note)]
            what = f"{kind.value}: {CACHES[note]}" if note else kind.value
            how = "clean" if kind in LEFT_OVER else f"clean {BY[kind]}" if kind in BY else ""
            rows.append((volume(sum(item.size for item in own)), len(own), how, what))
    total = volume(sum(item.size for item in items))
    rows.append((total, "", "", "in all"))
    columns = ("size", "items", "goes by", "what")
    width = max(20, terminal_width() - 38)
    widths = [None, None, None, width]
    return str(tabulate(rows, columns, maxcolwidths=widths, disable_numparse=True))


def volume(size: int) -> str:
    """A number of bytes as people say it: `12 MB`."""
    number, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while number >= 999.5 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return (
        f"{number:.0f} {units[0]}"
        if number >= 10 or units[0] == "B"
        else f"{number:.1f} {units[0]}"
    )
