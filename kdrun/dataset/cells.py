"""The cells of a CSV file as text: how it is written is found, and what was assumed is told."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kdrun.dataset.charset import USUAL, read_text
from kdrun.dataset.separated import SEPARATORS, Rows, find_separator, named_separator
from kdrun.security import bounds

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

MISSING = (
    *("", "?", "-", ".", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA"),
    *("NaN", "nan", "NAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
    *("NULL", "null", "Null", "(null)", "None", "\\N"),
)
"""Cells that hold nothing, with blanks around: the marks of pandas, of databases and of people."""


BLANKS = " \t\n\r\v\f\x1c\x1d\x1e\x1f"
"""The blanks of ASCII, as `str.strip` knows them."""


class Format(NamedTuple):
    """What a user says of how a file is written; what is None is found.

    Attributes:
        separator: between cells: a character, or its name, as in `NAMES`.
        charset: the encoding of the file, as Python calls it.
        missing: marks of missing cells beside `MISSING`.
        not_missing: usual marks that are values here.
    """

    separator: str | None = None
    charset: str | None = None
    missing: Sequence[str] | None = None
    not_missing: Sequence[str] | None = None

    @property
    def marks(self) -> frozenset[str]:
        """Cells that hold nothing."""
        added = {str(mark).strip() for mark in self.missing or ()}
        values = {str(mark).strip() for mark in self.not_missing or ()}
        return frozenset(({*MISSING} | added) - values)

    @property
    def said(self) -> dict[str, list[str]]:
        """The marks that were added and taken away, as plain values."""
        return {"missing": [*(self.missing or ())], "not_missing": [*(self.not_missing or ())]}


class Cells(NamedTuple):
    """A file as it was read.

    Attributes:
        table: every cell as text, missing ones as NaN; its index counts the rows of the file below
            the header from 0, before any was left out.
        notes: what was assumed or left out, a sentence each.
        missing: how many cells hold each mark that counts as missing, blank ones not counted.
        parts: `train`, `val` or `test` for each row, where the rows come with their splits.
    """

    table: pd.DataFrame
    notes: list[str]
    missing: Counter[str]
    parts: pd.Series[str] | None = None

    @property
    def marked(self) -> str:
        """A hint that ends a message about a missing cell; empty where all are blank."""
        if not self.missing:
            return ""
        return (
            f" Cells that count as missing: {_counted(self.missing)}; "
            f"dataset.not_missing=[{next(iter(self.missing))}] reads them as values."
        )


def read_cells(
    path: str | Path, written: Format | None = None, wanted: Collection[str] = ()
) -> Cells:
    """Every cell of a CSV file with a header.

    Args:
        path: of the file, which may be packed: .gz, .bz2, .xz.
        written: how; None where all of it is to be found.
        wanted: columns that must be there, which tells one separator from another.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table, has no rows, or its header or rows can be read in two ways.
    """
    written = written or Format()
    text, charset = read_text(path, written.charset)
    separator = named_separator(written.separator)
    if said := re.match(r"sep=(.)\r?\n", text):  # Excel's
        text, separator = text[said.end() :], separator or said[1]
    separator = separator or find_separator(text, wanted, path)
    bounds.check_table(path, text, separator)
    rows = Rows(text, separator, path)
    notes = list(rows.checked())
    if charset not in USUAL and written.charset is None:
        notes.insert(0, f"{path} is no UTF-8, and was read as {charset}{_example(text)}")
    if separator != "," and written.separator is None:
        name = SEPARATORS.get(separator, repr(separator))
        notes.insert(0, f"{path} is read as separated by {name}")
    table, counts = _table(rows, written.marks)
    repeated = _repeats_header(table, rows)
    if len(repeated):
        table = table.drop(index=repeated)
        notes.append(
            f"{len(repeated)} rows of {path} repeat the header and were left out, the first is row "
            f"{repeated[0] + 1}"
        )
    if table.empty:
        raise ValueError(f"{path} has no rows below its header.")
    table, told = _named(table, rows.header, path)
    notes += told
    if counts:
        notes.append(f"cells that count as missing: {_counted(counts)}")
    return Cells(table, notes, counts)


def _named(
    table: pd.DataFrame, header: list[str], path: str | Path
) -> tuple[pd.DataFrame, list[str]]:
    """The columns under their names; a nameless one is left out where it says nothing."""
    notes = []
    for place, name in enumerate(header):
        if name:
            continue
        cells = table[place].str.strip()
        empty = not cells.any()
        if not empty and not (place == 0 and cells.is_unique):
            raise ValueError(
                f"{path}: column {place + 1} of {len(header)} has no name: give it one in the "
                "header."
            )
        what = "is empty" if empty else "numbers or names the rows"
        notes.append(f"column {place + 1} of {path}, without a name, {what} and was left out")
        table = table.drop(columns=place)
    names = [name for name in header if name]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(
            f"{path}: the header names '{twice[0]}' {names.count(twice[0])} times: rename or "
            "remove the others."
        )
    return table.set_axis(names, axis=1), notes


def _table(rows: Rows, marks: frozenset[str]) -> tuple[pd.DataFrame, Counter[str]]:
    """Cells by the place of their column, missing ones as NaN; how many there are of each mark."""
    import pandas as pd

    counts = Counter[str]()
    for cells in rows.columns:
        # Most columns are numbers or names without blanks: what is missing there is a mark itself.
        padded = has_blanks(cells)
        missing = {cell for cell in set(cells) if cell.strip() in marks} if padded else marks
        column = pd.Series(cells, dtype=object, copy=False)
        held = column.isin(missing).to_numpy()
        if held.any():
            counts.update(column[held].str.strip())
            cells[held] = np.nan
    del counts[""]
    return pd.DataFrame(rows.columns.T, dtype=object, copy=False), counts


def has_blanks(cells: Iterable[str]) -> bool:
    """Whether any of some cells may hold a blank: a look at all of them, for columns of numbers."""
    joined = "".join(cells)
    return not joined.isascii() or any(blank in joined for blank in BLANKS)


def _repeats_header(table: pd.DataFrame, rows: Rows) -> list[int]:
    """Which rows hold the name of every column that has one."""
    named = [(place, name) for place, name in enumerate(rows.header) if name]
    first, name = named[0] if named else (0, "")
    likely = np.flatnonzero((table[first] == name).to_numpy()).tolist()
    return [row for row in likely if all(table.at[row, place] == name for place, name in named)]


def read_table(path: str | Path) -> pd.DataFrame:
    """The table of `read_cells`; what was assumed is logged.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table, or has no rows.
    """
    cells = read_cells(path)
    for note in cells.notes:
        log.info("%s", note)
    return cells.table


def _example(text: str) -> str:
    """A word that another encoding would spell otherwise."""
    word = re.search(r"\w*[^\x00-\x7f]\w*", text)
    return f" ('{word[0][:20]}')" if word else ""


def _counted(marks: Counter[str]) -> str:
    return ", ".join(f"'{mark}' {count:,}" for mark, count in marks.most_common(5))
