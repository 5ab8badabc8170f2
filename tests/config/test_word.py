"""Words of a command by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from kdrun.config import word


def one(text: str) -> Any:
    return OverridesParser.create().parse_override(text)


@pytest.mark.parametrize(
    ("text", "values", "first"),
    [
        ("seed=3", [3], "seed=3"),
        ("seed=3,4", [3, 4], "seed=3"),
        ("loss=[kd,dkd]", [["kd", "dkd"]], "loss=[kd,dkd]"),
        ("seed=range(2,4)", [2, 3], "seed=2"),
    ],
)
def test_what_it_sets(text: str, values: list[Any], first: str) -> None:
    assert word.values(one(text)) == values
    assert word.first(one(text)) == first


def test_a_word_that_is_none_is_a_fault_and_the_others_go_on() -> None:
    faults: list[str] = []
    found = list(word.parse(["seed", "seed=1"], None, faults))  # type: ignore[arg-type]
    assert [str(given.input_line) for given in found] == ["seed=1"]
    assert faults == ["'seed' is not an override: write KEY=VALUE"]


def test_a_choice_that_is_not_there_has_the_nearest_beside_it() -> None:
    (fault,) = word.choices(one("loss=kdd"), ["kd", "at"])
    assert fault.startswith("loss=kdd does not exist")
    assert "kd" in fault.removeprefix("loss=kdd")
    assert not list(word.choices(one("loss=kd,at"), ["kd", "at"]))


def test_a_list_of_transfers_is_of_terms() -> None:
    assert list(word.apart(one("transfer=[dann,fine_tune]")))
    assert not list(word.apart(one("transfer=[dann,mcc]")))
