"""Text from data and files as a terminal may show it: it can move no cursor and hide nothing."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

JOINERS = "\u200c\u200d\u00a0\u3000"
"""Characters that Python does not count as printable, and that words of many languages need."""


def printable(text: object, lines: bool = False) -> str:
    """A text with everything escaped that is no visible character.

    Names of classes, columns, files and errors come from outside: escape sequences would drive the
    terminal, a line end would make two rows of one, a change of writing direction would hide what
    is there, and half of a surrogate pair (a file name that is no UTF-8) cannot be printed at all.

    Args:
        text: anything; its `str` is meant.
        lines: whether line ends and tabs are the text's own, as in a message of several lines.
    """
    text = str(text)
    if text.isprintable():
        return text
    kept = JOINERS + ("\n\t" if lines else "")
    return "".join(c if c.isprintable() or c in kept else _escaped(c) for c in text)


def shortened(text: str, width: int) -> str:
    """A text of at most so many characters: of a longer one, what is in the middle is left out."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class Formatter(logging.Formatter):
    """Log messages, of several lines too, as a terminal may show them."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, escaped."""
        return printable(super().format(record), lines=True)


def prepare() -> None:
    """Let output fail on no character, and warnings without a logger of their own be printable."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # no text stream, as under some notebooks
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Formatter("%(message)s"))
