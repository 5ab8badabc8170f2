from __future__ import annotations

import pandas as pd
import pytest

from kdrun.dataset.spelling import by_case, check, check_case, key, unite


def test_numbers_are_one_however_they_are_written_and_words_by_case_when_asked() -> None:
    for alike in (["2", "2.0", "02", "+2", " 2 ", "2."], ["-1.5", "-01.50"], ["0", "-0", "0.0"]):
        assert len({key(name) for name in alike}) == 1
    assert len({key(name, "exact") for name in ("2", "2.0", "02", " 2")}) == 3
    assert key("1e3") != key("1000")
    assert key("Yes") != key("yes")
    assert key("Yes ", "loose") == key("yes", "loose")


def test_a_column_has_one_name_for_each_and_says_which() -> None:
    column = pd.Series(["02", "2", "2", "yes ", "yes", None, "03"], name="a")
    found, notes = unite(column, None)
    assert found.tolist()[:5] == ["2", "2", "2", "yes", "yes"]
    assert found.isna().tolist() == [False] * 5 + [True, False]
    assert found[6] == "03"  # as it stands, where nothing else is meant
    assert notes == [
        "'02', '2' of column 'a' are one",
        "1 cells of column 'a' had blanks around, left out",
    ]


def test_classes_that_differ_by_case_are_refused() -> None:
    assert by_case(["no", "Yes", "yes"]) == [["Yes", "yes"]]
    with pytest.raises(ValueError, match=r"'Yes' and 'yes', .* dataset\.spelling=loose"):
        check_case(["no", "Yes", "yes"], "t.csv")
    with pytest.raises(ValueError, match=r"dataset\.spelling=lose .* did you mean 'loose'"):
        check("lose")
