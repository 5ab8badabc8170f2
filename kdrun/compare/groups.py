"""Runs that repeat one experiment, put together only where they are comparable."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from kdrun.compare.statistics import Paired, paired
from kdrun.results.table import DATA, IDENTITY, REPLICATES, Row, Value
from kdrun.security.wellformed import is_number
from kdrun.terminal.printable import printable

SAME_TEST = ("dataset", "target", "test_hash")
"""What two results must share to be about the same test data."""

COMPARABLE = (*SAME_TEST, "source", "split", "epochs")
"""What the runs of one mean must share, or it would be a mean of different things."""

Key = tuple[Value, ...]


@dataclass(eq=False)
class Group:
    """Runs with the same value in every column of `by`.

    Attributes:
        by: what they share, by column.
        rows: one per run.
    """

    by: Row
    rows: list[Row] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """What was measured, in the order of the rows."""
        return [float(row[metric]) for row in self.rows if measured(row, metric)]  # type: ignore[arg-type]

    @cached_property
    def test_data(self) -> set[Key]:
        """What it was tested on: one thing, or one per fold."""
        return {tuple([row.get(key) for key in SAME_TEST]) for row in self.rows}

    def __str__(self) -> str:
        return name_values(self.by)


def name_values(values: Mapping[str, Value]) -> str:
    """Such as `student=resnet18, loss=kd`."""
    return ", ".join(f"{key}={shown(value)}" for key, value in values.items()) or "all runs"


def shown(value: Value) -> str:
    """A value as a reader sees it."""
    return "-" if value is None else printable(value)


def measured(row: Row, metric: str) -> bool:
    """Whether a row has a number there: a finite one, and no truth value."""
    return is_number(row.get(metric))


def settings(rows: Sequence[Row]) -> list[str]:
    """Columns that say what a run is: the fixed ones, then settings, whose names have dots."""
    columns = dict.fromkeys(key for row in rows for key in row)
    return [*IDENTITY, *(key for key in columns if "." in key and key not in IDENTITY)]


def differing(rows: Sequence[Row], columns: Iterable[str]) -> list[str]:
    """Those columns in which the rows are not all the same."""
    return [key for key in columns if len({row.get(key) for row in rows}) > 1]


def columns_apart(rows: Sequence[Row], extra: Sequence[str] = ()) -> list[str]:
    """The columns by which to group: all settings that differ, but the seed.

    The hashes of the data count only where they differ though all that chooses the data agrees.
    """
    by = differing(rows, [*settings(rows), *extra])
    choice = [key for key in by if key.split(".")[0] in ("dataset", "source", "target")]
    same_choice = group_rows(rows, [*choice, "fold"]).values()
    return _without_implied(rows, by) + varying(same_choice, DATA)


def _without_implied(rows: Sequence[Row], by: Sequence[str]) -> list[str]:
    """The columns less those that follow from a name: `adapt.terms.x` from `adapt.name`."""
    implied = set()
    for name in by:
        section, dot, last = name.rpartition(".")
        if dot and last == "name":
            below = [key for key in by if key.startswith(f"{section}.") and key != name]
            implied |= {*below} - {*varying(group_rows(rows, [name]).values(), below)}
    return [key for key in by if key not in implied]


def group_rows(rows: Iterable[Row], by: Sequence[str]) -> dict[Key, list[Row]]:
    """Rows by their values in some columns, in the order in which they first occur."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple([row.get(key) for key in by])].append(row)
    return found


def varying(groups: Iterable[Sequence[Row]], columns: Iterable[str]) -> list[str]:
    """Those columns that differ inside at least one group."""
    groups = list(groups)
    return [key for key in columns if any(differing(rows, [key]) for rows in groups)]


def make_groups(rows: Sequence[Row], by: Sequence[str], over: Sequence[str] = ()) -> list[Group]:
    """Group runs by columns.

    Args:
        rows: the runs.
        by: whose values tell groups apart.
        over: columns to average over on purpose, whatever they change.

    Raises:
        ValueError: a group would mix runs that are not comparable.
    """
    groups = []
    for key, members in group_rows(rows, by).items():
        group = Group(dict(zip(by, key, strict=True)), members)
        _check_comparable(group, over)
        groups.append(group)
    return groups


def _check_comparable(group: Group, over: Sequence[str]) -> None:
    # Each fold has test data of its own, and so has whatever was named on purpose.
    repeated = group_rows(group.rows, ["fold", *over]).values()
    if mixed := varying(repeated, [key for key in COMPARABLE if key not in over]):
        column = mixed[0]
        values = sorted({shown(row.get(column)) for row in group.rows})
        what = {"test_hash": "test data", "split": "training splits"}.get(column, column)
        raise ValueError(
            f"{group} mixes different {what} ({', '.join(values[:5])}), and their mean would mean "
            f"nothing: add {column} to --by, choose some with --where, or, if it is meant, average "
            f"over it with --over {column}"
        )


def without_repeats(rows: Sequence[Row], by: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """Keep the latest of runs that are the same down to the seed; the others come second.

    Of runs that do not say when they ended, it is the last one.
    """
    columns = list(dict.fromkeys([*settings(rows), *by, *REPLICATES]))
    kept, dropped = [], []
    for same in group_rows(rows, columns).values():
        *before, last = sorted(same, key=lambda row: _when(row.get("finished")))
        kept.append(last)
        dropped += before
    return kept, dropped


def _when(text: Value) -> float:
    """Seconds since 1970; before all others where no time is told."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return -math.inf
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def choose_baselines(groups: Sequence[Group], selection: Row) -> list[Group | None]:
    """The group against which each one is to be held.

    Args:
        groups: all of them.
        selection: what makes a baseline, by column. If several groups are one, each group gets
            the one that agrees with it in most of the other columns.

    Returns:
        A baseline for each group: itself if it is one, None if none on the same test data stands
        out.

    Raises:
        ValueError: no group is a baseline.
    """
    bases = [g for g in groups if all(g.by.get(k) == v for k, v in selection.items())]
    if not bases:
        names = {k: sorted({shown(group.by.get(k)) for group in groups}) for k in selection}
        told = "; ".join(f"{key} is one of {', '.join(values)}" for key, values in names.items())
        raise ValueError(f"no group has {name_values(selection)}: {told}")
    chosen = set(bases)
    others = [key for key in groups[0].by if key not in selection]
    twins = {tuple([base.by[key] for key in others]): base for base in bases}
    return [
        group
        if group in chosen
        else twins.get(tuple([group.by[key] for key in others])) or _most_alike(group, bases)
        for group in groups
    ]


def _most_alike(group: Group, bases: Sequence[Group]) -> Group | None:
    ours = group.test_data
    alike = [base for base in bases if not ours.isdisjoint(base.test_data)]
    agree = [sum(base.by[k] == v for k, v in group.by.items()) for base in alike]
    if not agree or agree.count(max(agree)) > 1:
        return None
    return alike[agree.index(max(agree))]


def compare_pairs(
    group: Group, base: Group, metric: str, within: Sequence[str]
) -> tuple[Paired | None, int]:
    """Test the difference of two groups on the runs that they have in common.

    Args:
        group: what is held against `base`.
        base: the baseline.
        metric: the column that is compared.
        within: columns besides the seed that pair a run of one with a run of the other.

    Returns:
        The test, None without any pair; and how many runs have no partner.
    """
    # A pair on different test data would be none.
    columns = [*REPLICATES, *within, *SAME_TEST]
    sides = [
        {tuple([row.get(k) for k in columns]): row for row in side.rows if measured(row, metric)}
        for side in (group, base)
    ]
    ours, theirs = sides
    common = [key for key in ours if key in theirs]
    alone = len(ours) + len(theirs) - 2 * len(common)
    if not common:
        return None, alone
    differences = [
        float(ours[key][metric]) - float(theirs[key][metric])  # type: ignore[arg-type]
        for key in common
    ]
    return paired(differences), alone
