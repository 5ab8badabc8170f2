"""Which kdrun this is, and which libraries it works with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

__version__ = "0.1.0"


def versions(libraries: Sequence[str]) -> dict[str, str]:
    """The versions of those that are installed."""
    return {name: found for name in libraries if (found := _installed(name))}


@cache
def _installed(library: str) -> str | None:
    """A library's version, whose metadata take two milliseconds to read; None without it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return None
