"""What a callable takes, as far as its signature tells, and what yaml can stand there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import pytest

from kdrun.config.signature import fits, hints, parameters, unfit

if TYPE_CHECKING:
    from nowhere import Unknown


class Net:
    """A class with an argument of each kind."""

    def __init__(self, width: int, *rest: float, name: str | None = None, **more: Any) -> None:
        self.width = width


def foreign(width: Unknown, depth: int = 2) -> None:
    """Annotated for a type checker alone."""


@pytest.mark.parametrize(
    ("value", "hint", "fitting"),
    [
        (1, float, True),
        (1.5, int, False),
        (None, float | None, True),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ([1, 2], Sequence[int], True),
        ([1, "x"], Sequence[int], False),
        ([0.9, 0.99], tuple[float, float], True),
        ({"a": 1}, dict[str, int], True),
        ("x", Any, True),
        ("x", bool, False),
        (True, float, False),
        (None, int, False),
        ([[0, 1]], list[list[int]], True),
        ([[0, 1.5]], list[list[int]], False),
        ("xy", Sequence[str], False),  # a text is no list of letters
        ([1], Net, True),  # what no yaml can be is left to the call
    ],
)
def test_values_of_yaml_fit_annotations(value: object, hint: Any, fitting: bool) -> None:
    assert fits(value, hint) is fitting


def test_arguments_are_those_of_the_constructor_and_without_itself() -> None:
    assert list(parameters(Net)) == ["width", "rest", "name", "more"]
    assert parameters(foreign)["depth"].default == 2


def test_annotations_are_read_where_they_can_be() -> None:
    assert hints(Net)["width"] is int
    assert hints(Net)["name"] == str | None
    assert hints(foreign) == {}
    assert hints(len) == {}


def test_what_does_not_fit_is_told_with_what_would() -> None:
    assert unfit("linaer", Literal["linear", "cosine"], "") == (
        "linaer is not defined; did you mean 'linear'?"
    )
    told = unfit("wide", dict[str, int], "typing.Mapping[str, int]")
    assert told == "'wide' is not of type Mapping[str, int]"
