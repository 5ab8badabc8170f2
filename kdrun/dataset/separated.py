"""Rows of cells with a character between them: which it is, and whether rows are even."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from kdrun.dataset.arrays import Array

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What may stand between cells, with its name."""

NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "space": " "}
"""What a user may call a separator that a shell would take for its own."""

SAMPLE = 1 << 18
"""Characters from which the separator is found."""


def find_separator(text: str, wanted: Collection[str], path: str | Path) -> str:
    """What stands between the cells of a file.

    Raises:
        ValueError: two characters are as likely.
    """
    head = text[:SAMPLE]
    found: list[tuple[bool, bool, int, str]] = []
    for separator in SEPARATORS:
        rows = [row for row in _reader(head, separator) if row]
        if len(head) < len(text):
            del rows[-1:]
        if not rows or len(rows[0]) < 2:
            continue
        has = {*wanted} <= {cell.strip() for cell in rows[0]}
        width = len(rows[0])
        even = all(len(row) == width or (len(row) == width + 1 and not row[-1]) for row in rows)
        found.append((has, even, width if even else 0, separator))
    if not found:
        return ","
    best = max(found)[:3]
    likely = [separator for *how, separator in found if tuple(how) == best]
    if len(likely) > 1 and best[1]:
        names = " or ".join(SEPARATORS[separator] for separator in likely)
        raise ValueError(
            f"{path} may be separated by {names}: say which (dataset.separator, predict "
            "--separator)."
        )
    return likely[0]


def named_separator(given: str | None) -> str | None:
    """The character that a user means; None for the one to be found.

    Raises:
        ValueError: it is no single character.
    """
    if given is None:
        return None
    found = NAMES.get(given, given)
    if len(found) != 1 or found in '"\r\n':
        raise ValueError(
            f"separator={given!r} is no single character; give one, or {', '.join(NAMES)}."
        )
    return found


def _reader(text: str, separator: str, *more: str) -> Iterator[list[str]]:
    csv.field_size_limit(sys.maxsize)  # a text may be longer than 128 kB
    lines = itertools.chain(io.StringIO(text, newline=""), more)
    return csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")


END = "\0"
"""A row of its own at the end, unless a quote that was never closed holds it: no text has NUL."""

CHUNK = 512
"""Rows that are lists at a time: kept as one array, cells take a third of the memory. With more
lists at once Python's collector would look through all that was read, again and again."""


class Rows:
    """The rows of a file by column, and which had another number of cells than the header.

    Attributes:
        header: the names of the columns, blanks around left out.
        columns: (columns, rows) cells as text.
    """

    def __init__(self, text: str, separator: str, path: str | Path) -> None:
        reader = filter(None, _reader(text, separator, "\n", END))
        self.path, self.separator = path, separator
        self.header = [cell.strip() for cell in next(reader)]
        self.longer: dict[int, list[str]] = {}
        self.shorter: dict[int, int] = {}
        self.count, last = 0, self.header
        parts = []
        while chunk := list(itertools.islice(reader, CHUNK)):
            last = chunk[-1]
            if last == [END]:
                chunk.pop()
            parts.append(self._taken(chunk))
        if last != [END]:
            raise ValueError(f"{path} is not a table of separated values: a quote is never closed.")
        if self.header == [END]:
            raise ValueError(f"{path} is not a table of separated values: it is empty.")
        if not self.count:
            raise ValueError(f"{path} has no rows below its header.")
        self.columns: Array = np.concatenate(parts, axis=1)

    def _taken(self, chunk: list[list[str]]) -> Array:
        """(columns, rows) of some rows, cut or filled to the width of the header."""
        width = len(self.header)
        if {*map(len, chunk)} - {width}:
            for number, row in enumerate(chunk, self.count):
                if len(row) > width:
                    self.longer[number] = row[width:]
                    del row[width:]
                elif len(row) < width:
                    self.shorter[number] = len(row)
                    row += [""] * (width - len(row))
        self.count += len(chunk)
        return np.array(chunk, dtype=object).reshape(-1, width).T

    def checked(self) -> Iterator[str]:
        """What was left out or filled.

        Raises:
            ValueError: a row has more cells than the header, or every row has fewer.
        """
        width, name = len(self.header), SEPARATORS.get(self.separator, repr(self.separator))
        if len(self.longer) == self.count and all(
            len(rest) == 1 and not rest[0].strip() for rest in self.longer.values()
        ):
            yield f"every row of {self.path} ends in an empty cell, which was left out"
        elif self.longer:
            row, rest = next(iter(self.longer.items()))
            raise ValueError(
                f"{self.path}: row {row + 1} has {width + len(rest)} cells and the header {width}; "
                f"{len(self.longer)} of {self.count} rows have too many. Quote cells that hold "
                f"{name}, name every column, or say what separates cells (dataset.separator)."
            )
        if len(self.shorter) == self.count:
            raise ValueError(
                f"{self.path}: each row has fewer cells than the header, the first "
                f"{self.shorter[0]} of {width}: name every column once, or say what separates "
                "cells (dataset.separator)."
            )
        if self.shorter:
            yield (
                f"{len(self.shorter)} rows of {self.path} have fewer cells than the header, the "
                f"first is row {next(iter(self.shorter)) + 1}: what they lack counts as missing"
            )
