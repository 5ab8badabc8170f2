"""Runs that no setting shown tells apart, and that are still not known to repeat one experiment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdrun.compare.groups import differing, group_rows, settings, shown, varying
from kdrun.results.table import VERSIONS, Row

UNSAID = ("setup", "table_file")
"""Columns that stand for settings which a row does not name: the hash of all of them, or, in rows
without that, the table they are in."""


def by_code(rows: Sequence[Row], by: Sequence[str], over: Sequence[str]) -> list[str]:
    """The columns of `VERSIONS` that keep apart what would be averaged, unless named in `over`."""
    found: list[str] = []
    for key in VERSIONS:
        if key not in over and varying(group_rows(rows, [*by, *found]).values(), [key]):
            found.append(key)
    return found


def unsaid(rows: Sequence[Row], by: Sequence[str], over: Sequence[str]) -> list[str]:
    """The columns of `UNSAID` that differ between runs which agree in all that is known of them."""
    alike = group_rows(rows, [*by, *settings(rows), *over, *VERSIONS]).values()
    return [key for key in varying(alike, UNSAID) if key not in over]


def told(rows: Sequence[Row], apart: Sequence[str]) -> Iterator[str]:
    """What a reader must know of runs that are unlike in more than their settings.

    Args:
        rows: the runs that are compared.
        apart: columns that keep groups apart for this alone.
    """
    if differ := differing(rows, VERSIONS):
        kinds = "; ".join(f"{key} {_several(rows, key)}" for key in differ)
        note = f"not all runs were made by the same code: {kinds}"
        if held := [key for key in differ if key in apart]:
            note += f"; they are not averaged, unless asked: --over {','.join(held)}"
        yield note
    if "setup" in apart:
        yield (
            "some runs agree in all that is known here and differ in a setting that their table "
            "does not name: `setup`, the hash of all settings, keeps them apart"
        )
    if unknown := [row for row in rows if row.get("setup") is None]:
        files = _several(unknown, "table_file")
        note = (
            f"{len(unknown)} rows say nothing of what their table does not name ({files}): they "
            "count as alike where they agree in all that is known, but only within one table"
        )
        yield note + ("; --over table_file averages over tables" if "table_file" in apart else "")


def _several(rows: Sequence[Row], key: str) -> str:
    values = sorted({shown(row.get(key)) for row in rows})
    return ", ".join([*values[:3], *(["…"] if len(values) > 3 else [])])
