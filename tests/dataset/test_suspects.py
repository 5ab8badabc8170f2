"""Rows that repeat others are told by count."""

from __future__ import annotations

import pandas as pd

from kdrun.dataset.suspects import repeated_rows

ROWS = pd.DataFrame({"size": ["1", "2", "1", "1", "3"], "colour": ["r", "r", "r", "r", "b"]})


def label(*values: str) -> pd.Series[str]:
    return pd.Series(values, name="kind")


def test_copies_are_counted_and_those_that_disagree() -> None:
    assert list(repeated_rows(ROWS, label("x", "y", "x", "z", "y"))) == [
        "2 of 5 rows repeat an earlier one in every feature, 1 of them with another 'kind': copies "
        "may stand in training and test alike"
    ]
    assert list(repeated_rows(ROWS[:3], label("x", "y", "x"))) == [
        "1 of 3 rows repeats an earlier one in every feature: copies may stand in training and "
        "test alike"
    ]


def test_nothing_is_said_of_rows_that_differ() -> None:
    assert list(repeated_rows(ROWS.iloc[[1, 2, 4]], label("x", "y", "z"))) == []
