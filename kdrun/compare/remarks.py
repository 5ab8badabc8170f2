"""What a reader of means must know: which runs are not in them, and what the others say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kdrun.compare.groups import Group
from kdrun.results.glossary import is_timed
from kdrun.results.table import JOINT, Row

FEW = 5
"""Fewer runs than this make a bootstrap interval that is visibly too narrow."""

MOST = 8
"""So many kinds of notes that runs carry are told."""

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


def left_out(reason: str, rows: Sequence[Row]) -> list[str]:
    """A note on runs that do not count, if there are any."""
    if not rows:
        return []
    names = [str(row.get("run_id") or row.get("run_dir")) for row in rows[:3]]
    more = ", …" if len(rows) > len(names) else ""
    return [f"left out, {reason}: {_runs(len(rows))} ({', '.join(names)}{more})"]


def remarks(groups: Sequence[Group], metrics: Sequence[str]) -> list[str]:
    """Notes on groups of few runs, on those that lost by a transfer, and what runs themselves say.

    A loss that was never there, or a teacher worse than its student, shows in no mean. What is said
    of a time is left to those who ask for one.
    """
    return [*_few(groups), *_negative(groups), *_said(groups, any(map(is_timed, metrics)))]


def _few(groups: Sequence[Group]) -> Iterator[str]:
    sizes = [len(group.rows) for group in groups]
    if min(sizes) == 1:
        yield "one run has no spread: a difference to it may be the seed alone"
    elif min(sizes) < FEW:
        yield f"the bootstrap interval of {min(sizes)} runs is narrower than it should be"


def _negative(groups: Sequence[Group]) -> Iterator[str]:
    """Groups that would have done better without a transfer."""
    told = []
    for group in groups:
        values = group.values("transfer_gain")
        gain = 100 * sum(values) / len(values) if values else 0.0
        if gain < 0:
            told.append(f"{group} ({gain:+.1f} points)")
    if told:
        yield f"negative transfer, worse than the source's model untouched: {', '.join(told)}"


def _said(groups: Sequence[Group], timed: bool) -> Iterator[str]:
    """The notes of runs and whose they are; those that differ in numbers only are one."""
    kinds: dict[str, tuple[str, dict[Group, int]]] = {}
    for group in groups:
        for row in group.rows:
            for note in str(row.get("notes") or "").split(JOINT):
                if note.strip() and (timed or not is_timed(note.split()[0])):
                    _, places = kinds.setdefault(NUMBER.sub("#", note), (note, {}))
                    places[group] = places.get(group, 0) + 1
    for note, places in list(kinds.values())[:MOST]:
        yield f"{_where(places, groups)}: {note}"
    if len(kinds) > MOST:
        yield f"and notes of {len(kinds) - MOST} more kinds, in the column notes of results.csv"


def _where(places: dict[Group, int], groups: Sequence[Group]) -> str:
    """Which runs a note is of; of several groups the first three are named."""
    if sum(places.values()) == sum(len(group.rows) for group in groups):
        return "all runs"
    names = [f"{group} ({_runs(count)})" for group, count in list(places.items())[:3]]
    more = [f"{len(places) - 3} more groups"] if len(places) > 3 else []
    return "; ".join([*names, *more])


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
