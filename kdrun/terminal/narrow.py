"""Tables and sentences that fit the width of a terminal."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Sequence

from kdrun.results.table import Row

BREAK = re.compile(r"(?<=\s)(?<!±\s)(?=[^\s±])|(?<=\w[_/=,])(?=\w)|(?<=\w[-+])(?=[A-Za-z])")
"""Places that are not within a number, nor between a mean and its spread."""

GAP = 2
"""Spaces between two columns."""


def terminal_width() -> int:
    """Columns of the terminal, or of what COLUMNS says; 80 where there is none."""
    return shutil.get_terminal_size().columns


def paragraphs(text: str, width: int) -> str:
    """Lines that are too long, continued below what they begin with."""
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent="  ", break_on_hyphens=False)
        for line in text.splitlines()
    )


def narrowed(rows: Sequence[Row], width: int, spare: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Rows of text that fit a width: with fewer columns, and if need be with cells of more lines.

    Args:
        rows: all with the same keys, which are the headings.
        width: of a line.
        spare: columns that may be left out, the first one first.

    Returns:
        The rows, and the columns that were left out.
    """
    columns = list(rows[0])
    left_out: list[str] = []
    for column in spare:
        if _total([_needed(rows, key) for key in columns]) <= width:
            break
        if column in columns:
            columns.remove(column)
            left_out.append(column)
    widths = {key: _needed(rows, key) for key in columns}
    least = {key: _needed(rows, key, in_pieces=True) for key in columns}
    while _total(list(widths.values())) > width:
        foldable = [key for key in columns if widths[key] > least[key]]
        if not foldable:
            break
        widest = max(foldable, key=lambda key: widths[key])
        widths[widest] -= 1
    fitting: list[Row] = [
        {_folded(key, widths[key]): _folded(str(row[key]), widths[key]) for key in columns}
        for row in rows
    ]
    return fitting, left_out


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _needed(rows: Sequence[Row], key: str, in_pieces: bool = False) -> int:
    texts = [key, *(str(row[key]) for row in rows)]
    parts = [piece.strip() for text in texts for piece in _pieces(text)] if in_pieces else texts
    return max(map(len, parts), default=0)


def _pieces(text: str) -> list[str]:
    """Where a text may go on in the next line: after a blank, or what joins the words of a name."""
    return BREAK.split(text)


def _folded(text: str, width: int) -> str:
    """A text in lines of at most so many characters, where it has places to break at."""
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
