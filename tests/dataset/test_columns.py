from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kdrun.dataset.columns import Columns, require_columns, to_numbers

TRAIN = pd.DataFrame(
    {
        "age": [20.0, 40.0, np.nan, 60.0],
        "empty": [np.nan] * 4,
        "town": ["Ulm", "Bonn", None, "Ulm"],
    }
)
LATER = pd.DataFrame({"age": [np.nan, 70.0], "empty": [3.0, 4.0], "town": ["Rome", "Bonn"]})


def test_everything_is_learnt_from_the_training_rows() -> None:
    columns = Columns(["age", "empty"], ["town"]).fit(TRAIN)
    deviation = np.std([20, 40, 40, 60])
    missing = np.sqrt(0.25 * 0.75)
    expected = [
        # age, standardised; age was missing, standardised; town "", Bonn, Ulm
        [0.0, 0.75 / missing, 0, 0, 0],
        [(70 - 40) / deviation, -0.25 / missing, 0, 1, 0],
    ]
    assert np.allclose(columns(LATER), expected, atol=1e-6)
    assert columns(TRAIN).dtype == np.float32


def test_the_median_fills_and_indicators_can_be_left_out() -> None:
    skewed = TRAIN.assign(age=[0.0, 1.0, np.nan, 50.0])
    columns = Columns(["age"], [], impute="median", indicators=False).fit(skewed)
    filled = columns(skewed)[:, 0]
    assert filled[2] == filled[1]
    assert columns(skewed).shape == (4, 1)


def test_ordinal_numbers_follow_the_sorted_values_and_strangers_come_first() -> None:
    columns = Columns([], ["town"], encoding="ordinal").fit(TRAIN)
    codes = columns(pd.DataFrame({"town": ["Rome", "", "Bonn", "Ulm"]}))[:, 0]
    assert np.allclose(np.diff(codes), codes[1] - codes[0])
    assert codes[1] > codes[0]


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"dataset\.encoding=onehott .* did you mean 'onehot'"):
        Columns([], [], encoding="onehott")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"dataset\.impute=mode"):
        Columns([], [], impute="mode")  # type: ignore[arg-type]


def test_messages_name_the_cell_and_the_nearest_column() -> None:
    column = pd.Series(["1", None, "inf"], name="dose")
    with pytest.raises(ValueError, match=r"t\.csv: column 'dose' holds 'inf' in row 3"):
        to_numbers(column, "t.csv")
    with pytest.raises(ValueError, match="no column 'doze'; did you mean 'dose'"):
        require_columns(column.to_frame(), [None, "doze"], "t.csv")
