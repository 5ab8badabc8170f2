"""Numbers with decimal points or commas, and with marks between thousands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kdrun.dataset.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

FEW = 0.1
"""At most this share of the cells of a column of numbers may be something else."""

LOOKS = str.maketrans({"\u2212": "-", "\xa0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
"""Signs that programs write for a minus, and between thousands."""


class Style(NamedTuple):
    """How numbers are written.

    Attributes:
        decimal: the mark before the fraction, a point or a comma.
        thousands: the mark between thousands; empty for none.
    """

    decimal: str = "."
    thousands: str = ""


PLAIN = Style()
STYLES = tuple(Style(d, t) for t in ("", ",", ".", " ", "'") for d in (".", ",") if d != t)


class Numerals(NamedTuple):
    """A column of numbers.

    Attributes:
        style: how they are written.
        values: (N,) float64, NaN where a cell is missing or no number.
        others: the cells that are no number.
    """

    style: Style
    values: Array
    others: pd.Series[Any]


def styles(decimal: str | None, thousands: str | None) -> tuple[Style, ...]:
    """The ways to write numbers that a user allows; None allows any.

    Raises:
        ValueError: there is no such way.
    """
    found = tuple(
        style
        for style in STYLES
        if decimal in (None, style.decimal) and thousands in (None, style.thousands)
    )
    if not found:
        raise ValueError(
            f"decimal={decimal} thousands={thousands} is no way to write numbers: decimal is . or "
            "a comma, thousands is the other one, a blank or '"
        )
    return found


class _Reading(NamedTuple):
    """One way to understand a column: the number of each different cell, and in which styles."""

    styles: list[Style]
    values: dict[str, float]

    @property
    def decimals(self) -> set[str]:
        return {style.decimal for style in self.styles}


def read_numbers(
    cells: pd.DataFrame,
    names: Sequence[str],
    allowed: Sequence[Style] = STYLES,
    known: Mapping[str, Style] | None = None,
) -> dict[str, Numerals]:
    """The columns that hold numbers, but for a few cells.

    `1,234` may be two numbers: which is told by what is known of the column, else by the others.

    Args:
        cells: text, NaN where it is missing.
        names: of columns.
        allowed: ways to write numbers.
        known: how the numbers of some columns were written elsewhere.

    Raises:
        ValueError: the numbers of a column can be read in two ways, or are infinite.
    """
    found = {name: _readings(cells[name], allowed) for name in names}
    clear = [own[0].decimals for own in found.values() if len(own) == 1]
    settled = set().union(*(decimals for decimals in clear if len(decimals) == 1))
    result = {}
    for name, own in found.items():
        if own:
            likely = {known[name].decimal} if known and name in known else settled
            reading = _choose(name, own, likely)
            numbers = _looked_up(cells[name], reading.values)
            if infinite := cells.index[np.isinf(numbers)].tolist():
                raise ValueError(
                    f"column '{name}' holds '{cells[name][infinite[0]]}' in row {infinite[0] + 1}, "
                    "which is no finite number."
                )
            others = cells[name][np.isnan(numbers) & cells[name].notna().to_numpy()]
            result[name] = Numerals(reading.styles[0], numbers, others)
    return result


def unlike_numbers(column: pd.Series[Any], allowed: Sequence[Style] = STYLES) -> str:
    """Why a column that `read_numbers` leaves out is none of numbers, as the end of a sentence.

    Args:
        column: text, of which no cell is missing.
        allowed: ways to write numbers.
    """
    plain = {cell: cell.translate(LOOKS).strip() for cell in column.unique()}
    ways = [_values(plain, style) for style in allowed]
    others = column.index[~column.isin({cell for own in ways for cell in own})]
    if len(others):
        return f"'{column[others[0]]}' in row {others[0] + 1}, which is no finite number."
    most = max(ways, key=len)
    odd = next(cell for cell in plain if cell not in most)
    return f"'{next(iter(most))}' and '{odd}': write numbers in one way."


def _looked_up(column: pd.Series[Any], values: Mapping[str, float]) -> Array:
    """(N,) the number of each cell, NaN where there is none; each different cell is read once."""
    import pandas as pd

    places, different = pd.factorize(column)
    numbers = np.array([*(values.get(cell, np.nan) for cell in different), np.nan], np.float64)
    found: Array = numbers[places]  # a missing cell's place is -1, the last
    return found


def _readings(column: pd.Series[Any], allowed: Sequence[Style]) -> list[_Reading]:
    """The ways in which most cells of a column are numbers; none if it does not hold such."""
    counts = column.value_counts()
    plain = {cell: cell.translate(LOOKS).strip() for cell in counts.index}
    whole = int(counts.sum())
    found: list[_Reading] = []
    best = 0
    for style in allowed:
        values = _values(plain, style)
        total = whole if len(values) == len(plain) else int(counts[list(values)].sum())
        if not total or total < max(best, (1 - FEW) * whole):
            continue
        if total > best:
            found, best = [], total
        same = next((reading for reading in found if reading.values == values), None)
        if same:
            same.styles.append(style)
        else:
            found.append(_Reading([style], values))
        if style == PLAIN and total == whole:
            return _plain(found[0], plain.values(), allowed)
    return found


def _plain(reading: _Reading, cells: Collection[str], allowed: Sequence[Style]) -> list[_Reading]:
    """Numbers as Python writes them, and what else they may be: `1.234` is 1234 to many."""
    points = [cell for cell in cells if "." in cell]
    other = Style(",", ".")
    if not points:
        return [_Reading([PLAIN, Style(",")], reading.values)]
    if other not in allowed or not all(_grouped(".", ",").fullmatch(cell) for cell in points):
        return [reading]
    thousands = {cell: _number(cell.translate(LOOKS), other) for cell in reading.values}
    return [reading, _Reading([other], thousands)]


def _values(cells: Mapping[str, str], style: Style) -> dict[str, float]:
    """The numbers among some cells."""
    if style == PLAIN:
        import pandas as pd

        numbers = pd.to_numeric(pd.Series(list(cells.values()), dtype=object), errors="coerce")
        pairs = zip(cells, numbers.tolist(), strict=True)
        return {cell: number for cell, number in pairs if number == number}
    d = re.escape(style.decimal)
    bare = re.compile(rf"[+-]?(\d+{d}?\d*|{d}\d+)([eE][+-]?\d+)?", re.ASCII)
    mark = _grouped(style.thousands, style.decimal) if style.thousands else bare
    return {
        cell: _number(text, style)
        for cell, text in cells.items()
        if bare.fullmatch(text) or mark.fullmatch(text)
    }


def _grouped(thousands: str, decimal: str) -> re.Pattern[str]:
    """Digits in threes; a first group of zeros would be no such number."""
    t, d = re.escape(thousands), re.escape(decimal)
    return re.compile(rf"[+-]?[1-9]\d{{0,2}}({t}\d{{3}})+({d}\d*)?", re.ASCII)


def _number(text: str, style: Style) -> float:
    if style.thousands:
        text = text.replace(style.thousands, "")
    return float(text.replace(style.decimal, "."))


def _choose(name: str, readings: Sequence[_Reading], likely: set[str]) -> _Reading:
    if len(readings) == 1:
        return readings[0]
    if len(likely) == 1:
        fitting = [reading for reading in readings if reading.decimals == likely]
        if len(fitting) == 1:
            return fitting[0]
    if PLAIN in readings[0].styles:
        return readings[0]
    cell = next(iter(readings[0].values))
    values = " or ".join(f"{reading.values[cell]:g}" for reading in readings)
    raise ValueError(
        f"column '{name}' holds '{cell}', which is {values}: say dataset.decimal, the mark before "
        "the fraction, or dataset.thousands (predict: --decimal, --thousands)."
    )


def told(numerals: Mapping[str, Numerals]) -> list[str]:
    """What was assumed, a sentence each."""
    notes = []
    commas = [name for name, own in numerals.items() if own.style.decimal == ","]
    if commas:
        notes.append(f"numbers with decimal commas: {few(commas)}")
    for mark in sorted({own.style.thousands for own in numerals.values()} - {""}):
        names = [name for name, own in numerals.items() if own.style.thousands == mark]
        notes.append(f"numbers with '{mark}' between thousands: {few(names)}")
    for name, own in numerals.items():
        if counts := Counter(own.others):
            shown = ", ".join(f"'{cell}' {count:,}" for cell, count in counts.most_common(5))
            notes.append(
                f"column '{name}' holds numbers but for {counts.total():,} cells ({shown}), which "
                f"count as missing; dataset.categorical=[{name}] makes categories of all"
            )
    return notes


def few(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    shown = ", ".join(names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
