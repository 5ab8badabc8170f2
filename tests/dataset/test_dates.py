"""Dates as days: the one way in which all of a column can be read, or it is asked for."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from kdrun.dataset.dates import DAYS, FORMATS, TIMES, find_format, to_days

MOMENTS = [datetime(2024, 1, 31, 8, 30, 15), datetime(1969, 12, 25, 0, 0, 1)]


def column(*cells: object) -> pd.Series[object]:
    return pd.Series([*cells], name="when", dtype=object)


@pytest.mark.parametrize("form", [day + time for day in DAYS for time in TIMES])
def test_each_notation_is_found_and_read(form: str) -> None:
    cells = column(*(moment.strftime(form) for moment in MOMENTS), np.nan)
    found = find_format(cells)
    assert found in (form, "ISO8601")
    days = to_days(cells, found)
    for own, moment in zip(days, MOMENTS, strict=False):
        known = datetime.strptime(moment.strftime(form), form)  # what was written of it
        expected = (known - datetime(1970, 1, 1)).total_seconds() / 86400
        assert own == pytest.approx(expected)
    assert np.isnan(days[2])
    assert form in FORMATS


@pytest.mark.parametrize("cell", ["2024-01-31", "2024-01-31T08:30", "2024-01-31 08:30:00+02:00"])
def test_iso_dates_are_read_with_their_zone(cell: str) -> None:
    assert find_format(column(cell)) == "ISO8601"
    (days,) = to_days(column(cell), "ISO8601")
    hour = 6.5 if "+" in cell else 8.5 if ":" in cell else 0
    assert days == pytest.approx((date(2024, 1, 31) - date(1970, 1, 1)).days + hour / 24)


@pytest.mark.parametrize(
    "cells",
    [("red", "blue"), ("2024",), ("1-2",), (np.nan,), ("2024-01-31", "soon"), ("31.12.24",)],
)
def test_other_columns_hold_none(cells: tuple[object, ...]) -> None:
    assert find_format(column(*cells)) is None


def test_a_day_that_may_be_a_month_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"'when' holds '01/02/2024', where day and month may be"):
        find_format(column("01/02/2024", "03/04/2024"))
    assert find_format(column("01/02/2024", "13/04/2024")) == "%d/%m/%Y"
    assert find_format(column("01/02/2024", "04/13/2024")) == "%m/%d/%Y"
    assert find_format(column("01/01/2024", "02/02/2024")) is not None  # the same days either way


def test_a_format_that_was_said_must_be_that_of_every_cell() -> None:
    assert find_format(column("01/02/2024"), "%m/%d/%Y") == "%m/%d/%Y"
    assert find_format(column("202401"), "%Y%m") == "%Y%m"
    with pytest.raises(ValueError, match=r"'13/02/2024' in row 2, which is no date as dataset"):
        find_format(column("01/02/2024", "13/02/2024"), "%m/%d/%Y")
