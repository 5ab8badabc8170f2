"""What is asked of new rows: names, labels by the student's classes, and what has none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from kdrun.dataset.asked import Asked

TABLE = pd.DataFrame(
    {"who": [" Ada ", np.nan, "Bob"], "y": ["b ", "B", np.nan], "z": ["1,5", np.nan, "x"]},
    index=[0, 2, 5],
)


def test_rows_are_called_by_their_place_in_the_file_or_by_a_column() -> None:
    assert Asked().names(TABLE, "t.csv") == ["0", "2", "5"]
    assert Asked(ids="who").names(TABLE, "t.csv") == ["Ada", "", "Bob"]
    with pytest.raises(ValueError, match=r"t.csv has no column 'whom'; did you mean 'who'"):
        Asked(ids="whom").names(TABLE, "t.csv")


@pytest.mark.parametrize(("spelling", "expected"), [(None, [1, -1, -1]), ("loose", [1, 1, -1])])
def test_labels_are_the_students_classes_spelled_as_in_training(
    spelling: str | None, expected: list[int]
) -> None:
    told: list[str] = []
    asked = Asked(labels="y", classes=["a", "b"], tell=told.append)
    assert asked.targets(TABLE, {"spelling": spelling}, "t.csv").tolist() == expected
    (sentence,) = told
    unknown = expected.count(-1)
    assert sentence.startswith(f"{unknown} rows have no label that is known, and are not scored")
    assert ("'B'" in sentence) is (spelling is None)


def test_values_are_numbers_and_what_is_none_is_not_scored() -> None:
    told: list[str] = []
    asked = Asked(labels="z", decimal=",", tell=told.append)
    table = pd.concat([TABLE, *[TABLE[:1]] * 30])
    targets = asked.targets(table, {}, "t.csv").tolist()
    assert targets[0] == targets[-1] == 1.5
    assert [math.isnan(value) for value in targets[1:3]] == [True, True]
    assert "2 rows have no label" in told[0]


def test_without_a_column_of_labels_nobody_is_known_and_nothing_told() -> None:
    def tell(sentence: str) -> None:
        raise AssertionError(sentence)

    assert Asked(tell=tell).targets(TABLE, {}, "t.csv").tolist() == [-1] * 3


@pytest.mark.parametrize(
    ("classes", "what"), [(["c", "d"], r"a class of the student \(c, d\)"), ([], "a number")]
)
def test_a_column_of_something_else_is_refused(classes: list[str], what: str) -> None:
    with pytest.raises(ValueError, match=f"none of 3 cells of 'y' is {what}"):
        Asked(labels="y", classes=classes).targets(TABLE, {}, "t.csv")


def test_marks_of_the_training_file_count_in_the_new_one() -> None:
    written = Asked(separator=";").format({"missing": ["-99"], "not_missing": ["NA"], "x": 1})
    assert written.separator == ";"
    assert "-99" in written.marks
    assert "NA" not in written.marks
    assert "?" in Asked().format({}).marks
