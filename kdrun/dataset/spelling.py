"""Names of classes and categories that are spelled in several ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kdrun.config.instantiate import nearest

if TYPE_CHECKING:
    import pandas as pd

NUMBER = re.compile(r"([+-]?)0*(\d+)(?:\.(\d*?)0*)?", re.ASCII)

SPELLINGS = ("exact", "loose")


def check(spelling: str | None) -> None:
    """Refuse what is no way to compare names.

    Raises:
        ValueError: with the nearest.
    """
    if spelling not in (None, *SPELLINGS):
        raise ValueError(
            f"dataset.spelling={spelling} is not defined; {nearest(str(spelling), SPELLINGS)}"
        )


def key(name: str, spelling: str | None = None) -> str:
    """What names have in common that are one.

    Args:
        name: of a class or category.
        spelling: None where blanks around it do not count, nor how a number is written (2, 2.0 and
            02); `exact` where only blanks do not; `loose` where upper and lower case do not either.
    """
    bare = name.strip()
    if spelling == "exact":
        return bare
    if found := NUMBER.fullmatch(bare):
        sign, whole, rest = found.groups()
        number = f"{whole}.{rest}" if rest else whole
        return f"-{number}" if sign == "-" and number != "0" else number
    return bare.casefold() if spelling == "loose" else bare


def unite(column: pd.Series[Any], spelling: str | None) -> tuple[pd.Series[Any], list[str]]:
    """A column with one name for each class or category, and which were spelled in several ways.

    What is missing stays so. Of several spellings a number takes the shortest, a word the most
    frequent.
    """
    counts = Counter(column.dropna())
    alike: dict[str, Counter[str]] = {}
    for name, count in counts.items():
        alike.setdefault(key(name, spelling), Counter())[name.strip()] += count
    names, notes = {}, []
    for common, spelled in alike.items():
        first = min(spelled, key=lambda name: (-spelled[name], name))
        names[common] = first
        if len(spelled) > 1:
            names[common] = common if NUMBER.fullmatch(common) else first
            shown = ", ".join(f"'{name}'" for name in sorted(spelled))
            notes.append(f"{shown} of column '{column.name}' are one")
    if len(notes) > SHOWN:
        notes[SHOWN:] = [f"so are {len(notes) - SHOWN} more of column '{column.name}'"]
    blank = sum(count for name, count in counts.items() if name != name.strip())
    if blank:
        notes.append(f"{blank} cells of column '{column.name}' had blanks around, left out")
    found = column.map({name: names[key(name, spelling)] for name in counts})
    return found.astype(object), notes


SHOWN = 3
"""So many names that are spelled in several ways are told, and how many more there are."""


def by_case(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that only upper and lower case tells apart."""
    alike: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        alike.setdefault(name.casefold(), []).append(name)
    return [group for group in alike.values() if len(group) > 1]


def check_case(names: Iterable[str], where: str) -> None:
    """Refuse classes that only upper and lower case tells apart.

    Raises:
        ValueError: there are some; the message says what to do.
    """
    if groups := by_case(names):
        shown = " and ".join(f"'{name}'" for name in groups[0])
        raise ValueError(
            f"{where} holds {shown}, which differ by case only: dataset.spelling=loose makes them "
            "one class, exact leaves them two."
        )
