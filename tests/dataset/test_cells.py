"""How a CSV file is written is found or refused, and what was assumed is told."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdrun.dataset.cells import MISSING, Format, read_cells, read_table


@pytest.fixture
def save(tmp_path: Path):
    def save(content: str | bytes) -> Path:
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


words = st.text(st.sampled_from("ab2.,;|\t \"'é\n"), max_size=5).map(lambda cell: f"w{cell}w")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
    charset=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_read_back_however_it_was_written(save, rows, separator, charset, end) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "label"), *rows])
    found = read_cells(save(text.getvalue().encode(charset)), wanted=["label"]).table
    assert found.columns.tolist() == ["a", "b", "label"]
    assert [tuple(row) for row in found.to_numpy()] == rows


@pytest.mark.parametrize("mark", MISSING)
def test_a_missing_cell_is_missing_by_any_mark_and_with_blanks(save, mark: str) -> None:
    cells = read_cells(save(f"a,b\n1,x\n {mark} ,none\n{mark},y\n"))
    assert cells.table["a"].isna().tolist() == [False, True, True]
    assert cells.table["b"].tolist() == ["x", "none", "y"]
    assert cells.notes == ([f"cells that count as missing: '{mark}' 2"] if mark else [])


def test_marks_can_be_added_and_taken_away(save) -> None:
    path = save("a,b\n-99,x\nNone,y\n")
    written = Format(missing=("-99",), not_missing=("None",))
    assert read_cells(path, written).table["a"].isna().tolist() == [True, False]
    assert "dataset.not_missing=[-99]" in read_cells(path, written).marked


@pytest.mark.parametrize(
    ("content", "columns", "cells", "note"),
    [
        ("a;b\n0,1;x\n0,2;y\n", "ab", ["0,1", "x"], "separated by semicolons"),
        ("a\tb\n0,1\tx\n", "ab", ["0,1", "x"], "separated by tabs"),
        ("sep=;\na;b\n1,2;3,4\n", "ab", ["1,2", "3,4"], "semicolons"),
        ("a,b\n1,x,\n2,y,\n", "ab", ["1", "x"], "ends in an empty cell"),
        ("a,b,\n1,x,\n2,y,\n", "ab", ["1", "x"], "without a name, is empty"),
        (",a,b\n0,1,x\n1,2,y\n", "ab", ["1", "x"], "names the rows"),
        ("a,b\n1,x\na,b\n2,y\n", "ab", ["1", "x"], "repeat the header .* the first is row 2"),
        ("a,b\n1,x\n2\n", "ab", ["1", "x"], "fewer cells than the header, the first is row 2"),
        ("a,b\nü,1\n".encode("cp1252"), "ab", ["ü", "1"], r"no UTF-8, .* as cp1252 \('ü'\)"),
        ("age, y;kg, z;b\n1,5;2,5;3\n", ["age, y", "kg, z", "b"], ["1,5", "2,5", "3"], "semicol"),
    ],
)
def test_what_can_be_read_in_one_way_only_is_read_and_told(
    save, content, columns, cells, note
) -> None:
    read = read_cells(save(content), wanted=["b"])
    assert read.table.columns.tolist() == list(columns)
    assert read.table.iloc[0].tolist() == cells
    (told,) = [found for found in read.notes if "missing:" not in found]
    assert re.search(note, told)


def test_rows_are_numbered_as_in_the_file(save) -> None:
    assert read_table(save("a,b\n1,x\n\na,b\n2,y\n")).index.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("a,b\n", "no rows"),
        ("a,b\na,b\n", "no rows"),
        ('a,b\n1,2\n"1,2,3\n4', "a quote is never closed"),
        ("a,b\n0,1,1,2\n", r"row 1 has 4 cells and the header 2; 1 of 1 rows"),
        ("a,b\n1,2,\n1,2\n", "row 1 has 3 cells"),
        ("a,b,c\n1,2\n3,4\n", "each row has fewer cells than the header, the first 2 of 3"),
        ("a,b,a\n1,2,1\n", "names 'a' 2 times"),
        ("a,,b\n1,2,3\n", "column 2 of 3 has no name"),
        (",a,b\n1,2,3\n1,2,4\n", "column 1 of 3 has no name"),
        ("a,b;c\n1,2;3\n", "separated by semicolons or commas|separated by commas or semicolons"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(save, content, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_cells(save(content))


@pytest.mark.parametrize("name", ["semicolon", ";"])
def test_a_separator_can_be_said(save, name: str) -> None:
    cells = read_cells(save("a,b;c\n1,2;3\n"), Format(separator=name))
    assert cells.table.columns.tolist() == ["a,b", "c"]
    assert not cells.notes
    with pytest.raises(ValueError, match="separator='ab' is no single character"):
        read_cells(save("a,b\n1,2\n"), Format(separator="ab"))
