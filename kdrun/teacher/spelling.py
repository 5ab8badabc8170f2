"""How names and ids in somebody's file are spelled, and how the data spell them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)


def as_known(given: Sequence[str], known: Iterable[str]) -> list[str]:
    """Names from a file, numbers among them as the data spell the same: 3.0 and 003 as 3.

    A name that the data have is left as it is, and so is one that could be two of theirs.
    """
    ours = set(known)
    numbers = [(_number(name), name) for name in ours if NUMBER.fullmatch(name)]
    times = Counter(number for number, _ in numbers)
    spelled = {number: name for number, name in numbers if times[number] == 1}
    return [
        name if name in ours or not NUMBER.fullmatch(name) else spelled.get(_number(name), name)
        for name in given
    ]


def from_one(given: Iterable[str], count: int) -> bool:
    """Whether names are numbers that count `count` things from 1, where kdrun counts from 0."""
    numbers = {_number(name) if NUMBER.fullmatch(name) else None for name in given}
    return count > 1 and numbers <= set(map(float, range(1, count + 1))) and count in numbers


def _number(name: str) -> float:
    return float(name)
