"""Names and texts from outside, as pages and programs must have them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

MARKS = re.compile(r"[\\`*\[|]|~~|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads as more than text; an underscore within a word is one."""


def markdown(text: str) -> str:
    """A text that Markdown shows as it is, in a cell of a table too: no markup, no HTML."""
    text = re.sub("[&<>]", lambda found: HTML[found[0]], text)
    return MARKS.sub(lambda found: f"\\{found[0]}", text.replace("\n", " "))


def plain(value: object) -> object:
    """Containers that strict JSON can hold: a number that is not finite was not measured."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
