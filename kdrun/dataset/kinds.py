"""Which columns of a table are numbers, categories or dates, and which are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kdrun.dataset import suspects
from kdrun.dataset.dates import find_format, to_days
from kdrun.dataset.numerals import STYLES, Style, few, read_numbers, told
from kdrun.dataset.spelling import by_case, unite

if TYPE_CHECKING:
    import pandas as pd


EMPTY = "is empty"


@dataclass
class Kinds:
    """What the columns of a table are.

    Attributes:
        table: numbers and dates as floats, categories as text, one name for each.
        numeric: names of the columns of numbers, dates among them.
        categorical: names of the others.
        styles: how the numbers of a column are written.
        dates: how the dates of a column are written.
        notes: what was found and left out, a sentence each.
    """

    table: pd.DataFrame
    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    styles: dict[str, Style] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_kinds(
    cells: pd.DataFrame,
    features: Sequence[str],
    categorical: Sequence[str] = (),
    keep: Sequence[str] = (),
    allowed: Sequence[Style] = STYLES,
    dates: Mapping[str, str] | None = None,
    spelling: str | None = None,
) -> Kinds:
    """Tell the columns of a table apart.

    Args:
        cells: text, NaN where it is missing.
        features: names of the columns.
        categorical: those of numbers that stand for categories.
        keep: those that look like an index or an id, and are features.
        allowed: ways to write numbers.
        dates: formats of columns of dates, where the user says them.
        spelling: how categories are compared, as in `spelling.key`.

    Raises:
        ValueError: numbers or dates can be read in two ways.
    """
    kinds = Kinds(cells.copy(deep=False))
    empty = [name for name in features if cells[name].isna().all()]
    rest = [name for name in features if name not in {*empty, *categorical, *(dates or {})}]
    numerals = read_numbers(cells, rest, allowed)
    left: dict[str, list[str]] = {EMPTY: empty}
    for name in features:
        if name in empty:
            continue
        if name in numerals:
            values = numerals[name].values
            why = None if name in keep else suspects.numbers_rows(name, values)
            if why:
                left.setdefault(why, []).append(name)
                del numerals[name]
                continue
            kinds.numeric.append(name)
            kinds.table[name] = values
        elif name not in categorical and (
            form := find_format(cells[name], (dates or {}).get(name))
        ):
            kinds.numeric.append(name)
            kinds.dates[name] = form
            kinds.table[name] = to_days(cells[name], form)
        elif name not in {*categorical, *keep} and suspects.names_rows(cells[name]):
            left.setdefault("is different in all rows", []).append(name)
        else:
            kinds.categorical.append(name)
            kinds.table[name], notes = unite(cells[name], spelling)
            kinds.notes += notes
    kinds.styles = {name: own.style for name, own in numerals.items()}
    kinds.notes = [*told(numerals), *kinds.notes, *_told(kinds, left)]
    return kinds


def _told(kinds: Kinds, left: Mapping[str, Sequence[str]]) -> Iterator[str]:
    counts = {"numbers": len(kinds.numeric) - len(kinds.dates), "dates": len(kinds.dates)}
    counts["categories"] = len(kinds.categorical)
    yield "columns: " + ", ".join(f"{count} of {what}" for what, count in counts.items() if count)
    if kinds.dates:
        shown = ", ".join(f"{name} ({form})" for name, form in kinds.dates.items())
        yield f"dates are days since 1970: {shown}"
    for why, names in left.items():
        if names:
            kept = "" if why == EMPTY else f"; dataset.keep=[{','.join(names[:5])}] keeps it"
            yield f"left out: {few(names)}, which {why}{kept}"
    for name in kinds.categorical:
        values = kinds.table[name].dropna()
        several = values.unique()
        for group in by_case(several)[:1]:
            shown = " and ".join(f"'{value}'" for value in group)
            yield (
                f"{shown} of column '{name}' differ by case only; dataset.spelling=loose makes "
                "them one"
            )
        if len(several) > max(suspects.MANY, len(values) / 2):
            yield f"column '{name}' has {len(several):,} categories in {len(values):,} rows"
