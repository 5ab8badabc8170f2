"""Columns of dates as numbers of days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from kdrun.dataset.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

ISO = "ISO8601"

DAYS = (
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
)
TIMES = ("", " %H:%M", " %H:%M:%S")
FORMATS = (ISO, *(day + time for time in TIMES for day in DAYS))
"""How dates are written, as strptime says it."""

LOOKS = re.compile(r"\d{1,4}([-/.])(\d{1,2}|[A-Za-z]{3})\1\d{1,4}([T ].*)?", re.ASCII)


def find_format(column: pd.Series[Any], given: str | None = None) -> str | None:
    """How the dates of a column are written; None if it holds none.

    Args:
        column: text, NaN where it is missing.
        given: the format that the user says.

    Raises:
        ValueError: some cells are not of the given format; or day and month may be either.
    """
    known = column.dropna().str.strip()
    unique = known.drop_duplicates()
    if given is None and not (len(unique) and unique.str.fullmatch(LOOKS).all()):
        return None
    found: dict[str, Array] = {}
    for form in [given] if given else FORMATS:
        days = to_days(unique, form)
        if not np.isnan(days).any():
            found[form] = days
        elif given:
            wrong = unique[np.isnan(days)]
            raise ValueError(
                f"column '{column.name}' holds '{wrong.iloc[0]}' in row {wrong.index[0] + 1}, "
                f"which is no date as dataset.dates.{column.name}={given} says."
            )
    if not found:
        return None
    first, *rest = found
    if any(not np.array_equal(found[first], found[form]) for form in rest):
        raise ValueError(
            f"column '{column.name}' holds '{unique.iloc[0]}', where day and month may be either: "
            f"say dataset.dates={{'{column.name}':'{first}'}} or '{rest[0]}', or drop the column."
        )
    return first


def to_days(column: pd.Series[Any], form: str) -> Array:
    """(N,) float64 days since 1970, NaN where a cell is missing or no such date.

    Args:
        column: text, NaN where it is missing.
        form: of the dates, as `find_format` says.
    """
    import pandas as pd

    times = pd.to_datetime(column.str.strip(), format=form, errors="coerce", utc=True)
    found: Array = ((times - pd.Timestamp(0, tz="utc")) / pd.Timedelta(days=1)).to_numpy(np.float64)
    return found
