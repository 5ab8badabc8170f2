from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdrun.dataset.numerals import PLAIN, STYLES, Style, read_numbers, styles, told


def read(known: dict[str, Style] | None = None, decimal=None, thousands=None, **columns):
    table = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return read_numbers(table, list(columns), styles(decimal, thousands), known)


def spell(number: float, style: Style) -> str:
    plain = f"{number:,.2f}".replace(",", "T").replace(".", style.decimal)
    return plain.replace("T", style.thousands)


@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5),
    st.sampled_from(STYLES),
)
def test_numbers_are_the_same_bits_however_they_are_written(cents: list[int], style: Style) -> None:
    numbers = [cent / 100 for cent in cents]
    # Two places after the mark tell it from one between thousands.
    found = read(a=[spell(number, style) for number in numbers])["a"]
    plain = read(a=[spell(number, PLAIN) for number in numbers])["a"]
    assert found.values.tobytes() == plain.values.tobytes()
    assert found.values.tolist() == numbers


def test_a_cell_that_may_be_two_numbers_is_read_as_others_are() -> None:
    assert read(a=["1,234"], b=["0,5"])["a"].values.tolist() == [1.234]
    assert read(a=["1,234"], b=["0.5"])["a"].values.tolist() == [1234]
    assert read(a=["1.234"], b=["0,5"])["a"].values.tolist() == [1234]
    assert read(a=["1.234"])["a"].values.tolist() == [1.234]
    assert read(a=["1,234"], known={"a": Style(",")})["a"].values.tolist() == [1.234]
    assert read(a=["1,234"], decimal=",")["a"].values.tolist() == [1.234]
    assert read(a=["1,234"], thousands=",")["a"].values.tolist() == [1234]
    assert read(a=["1.234", "5"], decimal=",")["a"].values.tolist() == [1234, 5]
    with pytest.raises(ValueError, match=r"'1,234', which is 1\.234 or 1234: say dataset\.decimal"):
        read(a=["1,234"], b=["7"])
    with pytest.raises(ValueError, match="is no way to write numbers"):
        styles(".", ".")


def test_a_few_cells_that_are_no_numbers_are_missing_and_told() -> None:
    cells = ["\u22120.5", "1e3", " 2 ", *map(str, range(7)), np.nan]
    found = read(a=[*cells, "broken"], b=["y", "x", *cells[:10]], c=["1", "x"] * 6)
    assert [*found] == ["a"]
    assert found["a"].values[:3].tolist() == [-0.5, 1000, 2]
    assert np.isnan(found["a"].values[-2:]).all()
    (note,) = told(found)
    assert note.startswith("column 'a' holds numbers but for 1 cells ('broken' 1), which count as")


def test_what_was_assumed_is_told() -> None:
    notes = told(read(a=["1.234,5"], b=["0,5"], c=["7"]))
    assert notes == [
        "numbers with decimal commas: a, b",
        "numbers with '.' between thousands: a",
    ]
