"""The column that is predicted: names that sort as numbers do, or values, and no empty cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from kdrun.dataset.answers import number_answers, read_answers, sort_names
from kdrun.dataset.numerals import STYLES


def column(*cells: object) -> pd.Series[object]:
    return pd.Series([np.nan if cell is None else cell for cell in cells], name="y", dtype=object)


def test_classes_sort_as_numbers_where_all_are() -> None:
    assert sort_names(["10", "9", "-1", "2.5"]) == ["-1", "2.5", "9", "10"]
    assert sort_names(["10", "9", "b"]) == ["10", "9", "b"]


def test_the_number_of_a_class_is_its_place_in_that_order() -> None:
    answers, _ = read_answers(column("10", "9", "10", "9", "9"), "classification", STYLES, None)
    targets, classes = number_answers(answers, "classification", "t.csv")
    assert (targets.tolist(), classes) == ([1, 0, 1, 0, 0], ["9", "10"])


def test_two_spellings_of_a_number_are_one_class_and_that_is_told() -> None:
    answers, notes = read_answers(column("7", "07", "8"), "classification", STYLES, None)
    assert answers.nunique() == 2
    assert any("are one" in note for note in notes)
    exact, _ = read_answers(column("7", "07", "8"), "classification", STYLES, "exact")
    assert exact.nunique() == 3


def test_classes_that_differ_by_case_are_refused_unless_it_was_said_how() -> None:
    cells = column("Yes", "yes", "no")
    with pytest.raises(ValueError, match=r"column 'y'.*differ by case only"):
        read_answers(cells, "classification", STYLES, None)
    assert read_answers(cells, "classification", STYLES, "loose")[0].nunique() == 2


def test_values_are_numbers_in_their_notation() -> None:
    answers, notes = read_answers(column("1,5", "-2,25", "0,0"), "regression", STYLES, None)
    targets, classes = number_answers(answers, "regression", "t.csv")
    assert targets.dtype == torch.float32
    assert (targets.tolist(), classes) == ([1.5, -2.25, 0.0], [])
    assert any("decimal commas" in note for note in notes)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_an_empty_cell_is_told_with_its_row_and_what_counts_as_missing(task: str) -> None:
    with pytest.raises(ValueError, match=r"'y' is empty in row 2, and in 2 rows.* hint"):
        read_answers(column("1", None, None), task, STYLES, None, " hint")


@pytest.mark.parametrize("cell", ["tall", "inf"])
def test_a_value_that_is_no_finite_number_is_told_with_its_row(cell: str) -> None:
    with pytest.raises(ValueError, match=f"column 'y' holds '{cell}' in row 3"):
        read_answers(column("1", "2", cell), "regression", STYLES, None)


def test_numbers_that_are_written_in_two_ways_are_told_with_one_of_each() -> None:
    with pytest.raises(
        ValueError, match=r"column 'y' holds '1,5' and '2\.5': write numbers in one"
    ):
        read_answers(column("1,5", "2.5", "3", "3,25"), "regression", STYLES, None)


def test_too_many_classes_are_values_and_one_is_none() -> None:
    many, one = "3 classes in 3 rows: set dataset", "t[.]csv: column 'y' holds one class only, 'a'"
    for cells, told in ((("a", "b", "c"), many), (("a", "a"), one)):
        with pytest.raises(ValueError, match=told):
            number_answers(column(*cells), "classification", "t.csv")
