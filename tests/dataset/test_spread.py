from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from kdrun.config.signature import hints
from kdrun.dataset.digits import digits
from kdrun.dataset.spread import spread
from kdrun.types import Dataset


class Size(NamedTuple):
    height: int = 1
    width: int | None = None


@dataclass(frozen=True)
class Colour:
    red: float = 0.0
    green: float = 0.0


SEEN: list[object] = []


@spread(size=Size(height=2))
@spread(omit=("green",), colour=Colour(green=0.5))
def made(path: str, *, size: Size, colour: Colour) -> Dataset:
    SEEN[:] = [path, size, colour]
    return digits()


def test_fields_are_arguments_with_the_defaults_of_the_values() -> None:
    taken = inspect.signature(made).parameters
    assert list(taken) == ["path", "red", "height", "width"]
    assert [own.default for own in taken.values()][1:] == [0.0, 2, None]
    assert hints(made)["width"] == int | None
    assert set(hints(made)) == {*taken, "return"}


def test_the_function_is_handed_the_values() -> None:
    made("a", width=3, red=1.0)
    assert ["a", Size(2, 3), Colour(1.0, 0.5)] == SEEN
    made(path="b")
    assert ["b", Size(2), Colour(0.0, 0.5)] == SEEN


def test_a_field_that_nobody_can_set_is_refused_as_any_unknown_name_is() -> None:
    for name in ("green", "depth"):
        with pytest.raises(TypeError, match=name):
            made("a", **{name: 1})  # type: ignore[arg-type]
