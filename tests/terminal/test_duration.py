"""A duration as people say it."""

from __future__ import annotations

from kdrun.terminal.duration import span


def test_a_span_is_said_as_people_say_it() -> None:
    assert [span(each) for each in (None, 40, 720, 12000)] == ["?", "40 s", "12 min", "3 h 20 min"]
    assert span(0.1) == "1 s"
