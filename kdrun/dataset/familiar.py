"""New cells as those were that a student was trained on, and what of them it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kdrun.dataset.asked import Asked
from kdrun.dataset.dates import to_days
from kdrun.dataset.numerals import Style, few, read_numbers, styles, told
from kdrun.dataset.spelling import key

if TYPE_CHECKING:
    import pandas as pd


def known_cells(
    table: pd.DataFrame, learnt: Mapping[str, Any], written: Mapping[str, Any], asked: Asked
) -> pd.DataFrame:
    """Numbers and dates as floats, categories as training spelled them.

    Args:
        table: text, NaN where it is missing.
        learnt: `Columns.learnt`.
        written: as in `new.rows`.
        asked: whose `tell` hears what was not seen in training.

    Raises:
        ValueError: a cell of a numeric column is no number, or no date.
    """
    found = table.copy(deep=False)
    dates = written.get("dates") or {}
    names = [column["name"] for column in learnt["numeric"]]
    plain = [name for name in names if name not in dates and table[name].notna().any()]
    styled = {name: Style(*style) for name, style in (written.get("numbers") or {}).items()}
    numerals = read_numbers(table, plain, styles(asked.decimal, asked.thousands), styled)
    for name in names:
        known = table[name].notna()
        if not known.any():
            values = np.full(len(table), np.nan)
        elif name in dates:
            values = to_days(table[name], dates[name])
        else:
            values = numerals[name].values if name in numerals else np.full(len(table), np.nan)
        wrong = table.index[np.isnan(values) & known.to_numpy()]
        if len(wrong):
            what = f"date as {dates[name]}" if name in dates else "finite number"
            raise ValueError(
                f"column '{name}' holds '{table[name][wrong[0]]}' in row {wrong[0] + 1}, which is "
                f"no {what}."
            )
        found[name] = values
    for note in told(numerals):
        asked.tell(note)
    for column in learnt["numeric"]:
        _tell_missing(column, int(table[column["name"]].isna().sum()), len(table), asked)
    for column in learnt["categorical"]:
        found[column["name"]] = _familiar(table[column["name"]], column, written, asked)
    return found


def _tell_missing(column: Mapping[str, Any], missing: int, rows: int, asked: Asked) -> None:
    if missing == rows or (missing and "indicator" not in column):
        asked.tell(
            f"column '{column['name']}': {missing:,} of {rows:,} cells are missing and count as "
            f"{column['fill']:.4g}"
            + ("" if "indicator" in column else ", though training knows nothing of missing ones")
        )


def _familiar(
    cells: pd.Series[Any], column: Mapping[str, Any], written: Mapping[str, Any], asked: Asked
) -> pd.Series[Any]:
    """Categories under the names that training has for them."""
    spelling, values = written.get("spelling", "exact"), column["values"]
    known = {key(value, spelling): value for value in values}
    own = {cell: known.get(key(cell, spelling)) for cell in cells.dropna().unique()}
    named = cells.map(lambda cell: own[cell] or cell, na_action="ignore")
    counts = Counter(cell for cell in cells.dropna() if own[cell] is None)
    if "" not in values:
        counts["nothing"] += int(cells.isna().sum())
    counts = +counts
    if counts:
        shown = few([f"'{cell}' {count:,}" for cell, count in counts.most_common()])
        asked.tell(
            f"column '{cells.name}': {counts.total():,} of {len(cells):,} cells are none of the "
            f"{len(values)} categories of training ({few(values)}) but {shown}: to the student "
            "they are all the same"
        )
    return named
