"""Which character stands between cells, and rows that are wider or narrower than their header."""

from __future__ import annotations

import random

import pytest

from kdrun.dataset.separated import CHUNK, NAMES, SAMPLE, Rows, find_separator, named_separator


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("a,b\n1,2\n", (), ","),
        ("a;b;c\n1,5;2;3\n", (), ";"),  # the more columns
        ("a,b;c;d\n1,2;3;4\n", (), ";"),  # though both make even rows
        ("a\tb\n1,2\t3\n", (), "\t"),
        ("a|b\n1|2\n", (), "|"),
        ("a,b;c\n1,2;3\n", ("c",), ";"),  # a column must be there
        ("a,b;c\n1;2\n", (), ";"),  # rows are even
        ("name\nx,y;z\n", (), ","),  # one column
        ("a,b\n1,2,\n", (), ","),  # an empty cell at the end is no oddness
        ("", (), ","),
    ],
)
def test_the_separator_makes_even_rows_of_the_wanted_columns(
    text: str, wanted: tuple[str, ...], found: str
) -> None:
    assert find_separator(text, wanted, "t.csv") == found


def test_two_that_are_as_likely_are_asked_for() -> None:
    with pytest.raises(ValueError, match=r"t.csv may be separated by (commas|semicolons) or"):
        find_separator("a,b;c\n1,2;3\n", (), "t.csv")


def test_a_row_that_the_sample_cuts_does_not_count() -> None:
    row = "1;2,2;3,3\n"
    text = "a;b;c\n" + row * (SAMPLE // len(row) + 1)
    assert text[SAMPLE - 1] != "\n"
    assert find_separator(text, (), "t.csv") == ";"


def test_a_separator_may_be_called_by_its_name() -> None:
    assert named_separator(None) is None
    assert [named_separator(name) for name in NAMES] == list(NAMES.values())
    assert named_separator("#") == "#"
    for bad in ("", "ab", '"', "\n"):
        with pytest.raises(ValueError, match="is no single character; give one, or comma, semic"):
            named_separator(bad)


def test_cells_come_back_by_column_however_many_rows() -> None:
    draw = random.Random(0)
    table = [[str(draw.random()) for _ in range(3)] for _ in range(2 * CHUNK + 5)]
    rows = Rows("\n".join(["a; b ;c", *map(";".join, table), ""]), ";", "t.csv")
    assert rows.header == ["a", "b", "c"]
    assert rows.columns.T.tolist() == table
    assert rows.count == len(table)
    assert list(rows.checked()) == []


def test_short_rows_are_filled_and_told() -> None:
    rows = Rows("a,b\n1,2\n3\n", ",", "t.csv")
    assert rows.columns.tolist() == [["1", "3"], ["2", ""]]
    (told,) = rows.checked()
    assert told.startswith("1 rows of t.csv have fewer cells than the header, the first is row 2")
    with pytest.raises(ValueError, match="each row has fewer cells than the header, the first 1"):
        list(Rows("a,b\n1\n2\n", ",", "t.csv").checked())


def test_long_rows_are_refused_unless_all_end_in_nothing() -> None:
    rows = Rows("a,b\n1,2,\n3,4, \n", ",", "t.csv")
    assert rows.columns.tolist() == [["1", "3"], ["2", "4"]]
    assert list(rows.checked()) == ["every row of t.csv ends in an empty cell, which was left out"]
    for text in ("a,b\n1,2,\n3,4\n", "a,b\n1,2,3\n4,5,6\n"):
        with pytest.raises(ValueError, match=r"row 1 has 3 cells and the header 2; .* hold commas"):
            list(Rows(text, ",", "t.csv").checked())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("a,b\n", "has no rows below its header"),
        ('a\n"1', "quote is never closed"),
    ],
)
def test_what_is_no_table_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Rows(text, ",", "t.csv")
