"""Cells of a table mean what they meant when they were written; bad rows are left out and told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdrun.results.record import write_atomic
from kdrun.results.table import Row, differences, flatten, parse, read_csv, setting, to_csv

# Quotes, separators, line ends of every kind, words that look like values, and other scripts.
texts = st.text(st.sampled_from("a7.,;e+-'\"\n\r\t µ名\u2028"), min_size=1, max_size=6)
texts = texts | st.sampled_from(["None", "nan", "inf", "True", "1_000", "0x1f", "1e5"])
numbers = st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False)
cells = st.none() | numbers | texts


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *[("", None), ("True", True), ("False", False), ("true", "true"), ("None", "None")],
        *[("7", 7), ("-07", -7), ("+3", 3), ("1e5", 1e5), (".5", 0.5), ("7.", 7.0)],
        *[("1_000", "1_000"), ("0x1f", "0x1f"), (" 7", " 7"), ("٣", "٣"), ("1e", "1e")],
        *[("inf", float("inf")), ("Infinity", "Infinity"), ("9" * 64, int("9" * 64))],
        ("9" * 65, "9" * 65),
    ],
)
def test_what_a_cell_stands_for(cell: str, value: object) -> None:
    found = parse(cell)
    assert found == value
    assert type(found) is type(value)


def test_columns_lead_or_come_in_the_order_in_which_they_first_came() -> None:
    rows: list[Row] = [{"b": 1, "a": None}, {"c": "x\ry", "b": True}]
    assert to_csv(rows, leading=["a"]).splitlines()[0] == '"a","b","c"'
    assert to_csv(rows[:1], leading=["z"]) == "z,b,a\n,1,\n"


@given(st.lists(st.dictionaries(st.sampled_from("abc"), cells), max_size=4))
def test_csv_keeps_every_text_and_number(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    rows = [{"first": index, **row} for index, row in enumerate(rows)]
    write_atomic(path, to_csv(rows, leading=["first"]))
    keys = {key for row in rows for key in row}
    for row, read in zip(rows, read_csv(path, frozenset()), strict=True):
        assert read.keys() == keys
        assert all(str(read[key]) == str(row.get(key)) or _as_number(row[key]) for key in keys)


def _as_number(value: object) -> bool:
    """Text such as "007" is a number to a reader who was not told that it is text."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


@given(st.lists(texts, max_size=4))
def test_csv_keeps_text_columns_exactly(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "text.csv"
    write_atomic(path, to_csv([{"name": name} for name in names], leading=["name"]))
    assert [row["name"] for row in read_csv(path, frozenset({"name"}))] == names


def test_flatten_names_settings_by_their_path() -> None:
    config = {"loss": {"terms": {"kd": {"temperature": 4.0}}}, "tags": ["a", 1], "empty": {}}
    assert flatten(config) == {"loss.terms.kd.temperature": 4.0, "tags": '["a", 1]'}


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("method,seed,a,a\nkd,1,2,3\n")
    with pytest.raises(ValueError, match="more than one column 'a'"):
        read_csv(tmp_path / "x.csv")


def test_rows_that_are_none_are_left_out_and_three_of_them_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b,\n1,2,3\n1,2\n\n\xff,2,3\nx\0,2,3\n1,2,3,4\n5,6,\n")
    with caplog.at_level(logging.WARNING):
        assert read_csv(path) == [{"a": 1, "b": 2}, {"a": 5, "b": 6}]
    (told,) = caplog.messages
    assert "row 3 has 2 cells for 3 columns; row 5 is no text in UTF-8; row 6" in told
    assert told.endswith("and 1 more")


def test_a_table_that_lacks_what_is_needed_is_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="not a table of results: it has no c and no d"):
        read_csv(path, needed=["c", "a", "d"])


def test_settings_are_found_by_their_path_and_compared_to_the_leaf() -> None:
    one: dict[str, Any] = {"loss": {"kd": {"t": 4.0}, "at": 1}, "seed": 0, "tags": [1]}
    other: dict[str, Any] = {"loss": {"kd": {"t": 2.0}, "at": 1}, "tags": [1, 2]}
    assert setting(one, "loss.kd.t") == 4.0
    assert setting(one, "loss.kd") == '{"t": 4.0}'
    assert setting(one, "tags") == "[1]"
    assert setting(one, "loss.at.deeper") is None
    assert sorted(differences(one, other)) == ["loss.kd.t", "seed", "tags"]
    assert sorted(differences({"a": {"b": 1, "c": 2}}, {"a": 3})) == ["a", "a.b", "a.c"]
    assert list(differences(one, one)) == []
