"""Interpolations of a config, followed before anything resolves them.

Some lines of `a2: ${a1}${a1}` stand for more text than there is memory for, and a part that refers
to itself never ends. Imports nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST = 10**6
"""Characters, keys and values that a config may stand for; kdrun's own has some thousands."""

DEEPEST = 60
"""References to references, and levels."""

START = re.compile(r"\$\{\s*([^{}$:,]*)([{}$:,]?)")
"""What follows a `${`, up to what ends a name."""

ARGUMENT = re.compile(r"\s*([^{}$:,]*)([{}$:,]?)")

SELECTING = ("oc.select", "oc.dict.keys", "oc.dict.values")
"""Resolvers whose argument is a reference."""

Place = tuple[str, ...]


def check(config: Mapping[str, Any]) -> None:
    """Refuse a config that stands for too much.

    Args:
        config: plain containers, not resolved.

    Raises:
        ValueError: it does, or refers to itself; the message names the key.
    """
    _Sizes(config).of(())


class _Sizes:
    """How much each part of a config stands for, counted once each."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.known: dict[Place, tuple[int, int]] = {}
        self.open: set[Place] = set()

    def of(self, place: Place) -> tuple[int, int]:
        """Characters, keys and values at a place, and how many others lie behind each other."""
        if place in self.known:
            return self.known[place]
        where = ".".join(place)[:100] or "the config"
        if place in self.open:
            raise ValueError(f"{where} refers to itself")
        self.open.add(place)
        size, height = 1, 0
        for part in self._parts(place):
            own, below = self.of(part)
            size, height = size + own, max(height, below + 1)
            if height > DEEPEST or len(self.open) > 2 * DEEPEST:
                raise ValueError(f"{where}: references lead through more than {DEEPEST} others")
            if size > LARGEST:
                raise ValueError(f"{where} stands for more than {LARGEST:,} values and characters")
        value = self._at(place)
        self.open.discard(place)
        self.known[place] = size + (len(value) if isinstance(value, str) else 0), height
        return self.known[place]

    def _parts(self, place: Place) -> Iterator[Place]:
        """What lies below a place, or is referred to by the text there."""
        value = self._at(place)
        if isinstance(value, Mapping):
            yield from ((*place, str(key)) for key in value)
        elif isinstance(value, list):
            yield from ((*place, str(number)) for number in range(len(value)))
        elif isinstance(value, str):
            for name, dynamic in _names(value):
                if not name and not dynamic:
                    continue
                if (found := self._found(name, place)) is not None:
                    # Of a name that is itself made of others, all that it may mean.
                    inside = dynamic and place[: len(found)] == found
                    yield from () if inside else (found,)

    def _found(self, name: str, place: Place) -> Place | None:
        """The place that a reference means, or one around it; None if there is none."""
        bare = name.lstrip(".")
        up = len(name) - len(bare)
        start = place[:-up] if up else ()
        found = start
        for key in (part for part in re.split(r"[.\[\]]+", bare.strip()) if part):
            value = self._at(found)
            if isinstance(value, str):
                return found  # a reference itself, to something with this key
            below = (*found, key)
            if self._at(below) is None:
                return None
            found = below
        return found

    def _at(self, place: Place) -> Any:
        value: Any = self.config
        for key in place:
            if isinstance(value, Mapping):
                value = next((v for k, v in value.items() if str(k) == key), None)
            elif isinstance(value, list) and key.isdigit() and len(key) < 7:
                value = value[int(key)] if int(key) < len(value) else None
            else:
                return None
        return value


def _names(text: str) -> Iterator[tuple[str, bool]]:
    """The references in a text, and whether each goes on with another within it."""
    for found in START.finditer(text):
        name, end = found[1].strip(), found[2]
        if end == ":":
            if name not in SELECTING:
                continue
            argument = ARGUMENT.match(text, found.end())
            name, end = (argument[1].strip(), argument[2]) if argument else ("", "")
        dynamic = end == "$"
        yield name.rpartition(".")[0] if dynamic and "." in name.strip(".") else name, dynamic
