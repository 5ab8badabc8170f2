"""What comes from outside reaches a terminal as visible characters, and nothing else."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdrun.terminal.printable import Formatter, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 名 — é", "naïve 名 — é"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("caf\udce9", "caf\\udce9"),
        ("\x9b31m", "\\x9b31m"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        (7, "7"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text, shown):
    assert printable(text) == shown


def test_lines_of_a_message_stay_lines():
    assert printable("two\nlines\x1b[2J", lines=True) == "two\nlines\\x1b[2J"


@given(st.text())
def test_any_text_is_one_printable_line(text):
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert printable(shown) == shown


def test_a_log_message_drives_no_terminal():
    record = logging.LogRecord("x", logging.INFO, "", 0, "class %s", ("\x1b]0;pwned\x07",), None)
    assert Formatter("%(message)s").format(record) == "class \\x1b]0;pwned\\x07"
