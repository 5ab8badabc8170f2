"""What was probably meant, or else what is allowed."""

from __future__ import annotations

from kdrun.config.nearest import nearest


def test_a_name_that_is_close_is_told() -> None:
    assert nearest("dkk", ["kd", "dkd", "at"]) == "did you mean 'dkd'?"


def test_few_names_are_all_told_in_order_and_many_are_not() -> None:
    assert nearest("xyz", ["kd", "at"]) == "allowed: at, kd"
    assert nearest("xyz", map(str, range(31))) == nearest("xyz", []) == "see 'kdrun list'"
