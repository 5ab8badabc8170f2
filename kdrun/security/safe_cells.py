"""Cells of CSV for spreadsheets: text that would be a formula there is made text."""

from __future__ import annotations

import argparse
import csv
import io

from kdrun.results.table import parse

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""How cells begin that a spreadsheet computes. https://owasp.org/www-community/attacks/CSV_Injection"""


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let a command that prints CSV be asked for such cells."""
    parser.add_argument(
        "--safe-cells",
        action="store_true",
        help="for spreadsheets: an apostrophe before text that they would take for a formula",
    )


def safe_cells(text: str) -> str:
    """CSV in which no text begins like a formula: an apostrophe goes before it. Numbers stay."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    for cells in csv.reader(io.StringIO(text, newline="")):
        writer.writerow([_safe(cell) for cell in cells])
    return written.getvalue()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) and isinstance(parse(cell), str) else cell
