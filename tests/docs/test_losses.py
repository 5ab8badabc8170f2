"""docs/losses.md says what the modules say."""

from __future__ import annotations

import inspect

import pytest

from docs import losses

GOOD = """Match a thing.

    L = (s + t)²
    over two lines

Somebody, Another, 2020. https://example.org/1

A remark
on two lines.

Args:
    first: what it is.
    second: what it is,
        at length.
"""


def test_the_page_is_current() -> None:
    assert losses.PAGE.read_text("utf-8") == losses.render(), "run make docs"


@pytest.mark.parametrize("name", losses.losses())
def test_every_argument_is_explained(name: str) -> None:
    loss, _ = losses.losses()[name]
    said = losses.parse(inspect.getdoc(loss) or "")
    assert list(said.arguments) == list(losses.arguments(loss))
    assert all(said.arguments.values())


@pytest.mark.parametrize("name", losses.losses())
def test_every_cost_is_measured(name: str) -> None:
    cost = losses.costs()[name]
    assert float(cost["step"]) > 0
    assert float(cost["backward_mb"]) >= 0
    assert float(cost["state_mb"]) >= 0


def test_parts_of_a_docstring() -> None:
    said = losses.parse(GOOD)
    assert said.what == "Match a thing."
    assert said.formula == "L = (s + t)²\nover two lines"
    assert (said.paper, said.url) == ("Somebody, Another, 2020", "https://example.org/1")
    assert said.remarks == ["A remark on two lines."]
    assert said.arguments == {"first": "what it is.", "second": "what it is, at length."}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Match a thing.", "A thing.", "says what is matched"),
        ("    L = (s + t)²\n    over two lines\n\n", "", "no formula"),
        (" https://example.org/1", "", "comes the paper"),
    ],
)
def test_a_missing_part_is_told(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.parse(GOOD.replace(old, new))
