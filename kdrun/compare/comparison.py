"""What a set of runs says: means with their spread, tests against a baseline, the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kdrun.compare.groups import (
    Group,
    choose_baselines,
    columns_apart,
    compare_pairs,
    differing,
    make_groups,
    measured,
    name_values,
    settings,
    varying,
    without_repeats,
)
from kdrun.compare.remarks import left_out, remarks
from kdrun.compare.statistics import Paired, holm, interval, spread
from kdrun.compare.unlike import by_code, told, unsaid
from kdrun.results.glossary import is_cost, is_guess, is_timed
from kdrun.results.table import REPLICATES, Row, Value
from kdrun.security.wellformed import UNFINISHED

LEVEL = 0.05
"""A difference is called one if its corrected p lies below."""


@dataclass
class Line:
    """One group, summed up.

    Attributes:
        group: the runs.
        mean: of each metric; None where nothing was measured.
        std: likewise; None also for a single run.
        interval: 95 % bootstrap interval of the mean of the first metric.
        base: what it was held against.
        test: of the paired differences to `base`.
        p: of that test after Holm's correction over all lines.
        verdict: what follows, in words.
        on_front: whether no other group is both better and cheaper; None where nobody asked.
    """

    group: Group
    mean: dict[str, float | None]
    std: dict[str, float | None]
    interval: tuple[float, float] | None
    base: Group | None = None
    test: Paired | None = None
    p: float | None = None
    verdict: str = ""
    on_front: bool | None = None

    @property
    def n(self) -> int:
        """The number of runs."""
        return len(self.group.rows)


@dataclass
class Comparison:
    """Groups of comparable runs, and what there is to say of them.

    Attributes:
        metrics: the columns summed up; the first one is compared.
        by: the columns in which groups differ.
        over: the columns averaged over, with their values.
        constant: what all runs share.
        lines: one per group.
        runs: how many runs were averaged.
        failed: the runs that failed.
        notes: what a reader of the numbers must know.
    """

    metrics: list[str]
    by: list[str]
    over: dict[str, list[Value]]
    constant: Row
    lines: list[Line]
    runs: int
    failed: list[Row]
    notes: list[str] = field(default_factory=list)


def compare(
    rows: Sequence[Row],
    metrics: Sequence[str],
    by: Sequence[str] = (),
    over: Sequence[str] = (),
) -> Comparison:
    """Group runs and sum each group up.

    Args:
        rows: of runs, in any state; only those that ended well are averaged.
        metrics: columns; a run that lacks the first is left out.
        by: the columns to group by; empty for all that differ but the seed.
        over: columns to average over on purpose.

    Raises:
        ValueError: nothing is left, or a group would mix what is not comparable.
    """
    failed = [row for row in rows if row.get("status") == "failed"]
    unfinished = [row for row in rows if row.get("status") in UNFINISHED]
    ended = [row for row in rows if row.get("status") not in ("failed", *UNFINISHED)]
    usable = [row for row in ended if measured(row, metrics[0])]
    lacking = [row for row in ended if not measured(row, metrics[0])]
    notes = [
        *left_out("failed", failed),
        *left_out("not finished", unfinished),
        *left_out(f"no {metrics[0]}", lacking),
    ]
    if not usable:
        raise ValueError("; ".join([f"no run has a {metrics[0]} to compare", *notes]))
    # A time is a property of the device and the threads as well.
    extra = ["device", "threads"] if any(map(is_timed, metrics)) else []
    chosen = list(by) or [key for key in columns_apart(usable, extra) if key not in over]
    code, unnamed = by_code(usable, chosen, over), unsaid(usable, chosen, over)
    # Whoever names the columns to group by averages over all other settings, named or not.
    apart = code if by else [*code, *unnamed]
    chosen += apart
    usable, repeats = without_repeats(usable, [*chosen, *unnamed])
    notes += left_out("a later one has the same settings and seed", repeats)
    groups = make_groups(usable, chosen, over)
    columns = [*REPLICATES, *settings(usable), *over, *unnamed]
    averaged = varying([group.rows for group in groups], columns)
    varied = {*chosen, *averaged, *differing(usable, settings(usable))}
    return Comparison(
        metrics=list(metrics),
        by=chosen,
        over={key: _values(usable, key) for key in dict.fromkeys(averaged)},
        constant={
            key: usable[0][key]
            for key in settings(usable)
            if key not in varied and usable[0].get(key) is not None
        },
        lines=[_sum_up(group, metrics) for group in groups],
        runs=len(usable),
        failed=failed,
        notes=[*notes, *_direction(metrics[0]), *told(usable, apart), *remarks(groups, metrics)],
    )


def _direction(metric: str) -> list[str]:
    if not is_guess(metric):
        return []
    return [f"nothing says whether more or less {metric} is better: more is taken for it"]


def _values(rows: Sequence[Row], key: str) -> list[Value]:
    return sorted({row.get(key) for row in rows}, key=lambda value: (str(type(value)), value))


def _sum_up(group: Group, metrics: Sequence[str]) -> Line:
    values = {metric: group.values(metric) for metric in metrics}
    return Line(
        group,
        mean={metric: sum(v) / len(v) if v else None for metric, v in values.items()},
        std={metric: spread(v) for metric, v in values.items()},
        interval=interval(values[metrics[0]]),
    )


def hold_against(comparison: Comparison, selection: Row) -> None:
    """Hold every line against a baseline, pairing runs of the same seed.

    Args:
        comparison: whose lines get `base`, `test`, `p` and `verdict`.
        selection: what makes a baseline, by column.

    Raises:
        ValueError: no group is a baseline, or the selection is not about what groups differ in.
    """
    for key in selection:
        if key in comparison.over:
            raise ValueError(f"{key} is averaged over; a baseline needs it in --by")
        if key not in comparison.by:
            raise ValueError(f"all groups agree in {key}; they differ in {comparison.by}")
    lines, notes = comparison.lines, comparison.notes
    within = [key for key in comparison.over if key not in REPLICATES]
    unpaired = 0
    for line, base in zip(
        lines, choose_baselines([line.group for line in lines], selection), strict=True
    ):
        line.base = base
        if base is None:
            line.verdict = "no baseline"
        elif base is line.group:
            line.verdict = "baseline"
        else:
            line.test, alone = compare_pairs(line.group, base, comparison.metrics[0], within)
            unpaired += alone
    if any(line.base is None for line in lines):
        notes.append(
            f"no baseline: several groups with {name_values(selection)} are equally like this one, "
            "or none is on its test data; name more columns in --baseline"
        )
    if unpaired:
        notes.append(f"{unpaired} runs have no partner of the same seed in the other group")
    _judge(comparison)


def _judge(comparison: Comparison) -> None:
    tested = [line for line in comparison.lines if line.test and line.test.n > 1]
    corrected = holm([_p(line) for line in tested])
    for line, p in zip(tested, corrected, strict=True):
        assert line.test is not None
        line.p = p
        gain = -line.test.mean if is_cost(comparison.metrics[0]) else line.test.mean
        line.verdict = "not distinguishable"
        if p < LEVEL:
            line.verdict = "better" if gain > 0 else "worse"
    for line in comparison.lines:
        if not line.verdict:
            line.verdict = "no pairs" if line.test is None else "one pair, no test"
    if tested:
        comparison.notes += _reading([line.test for line in tested if line.test])


def _p(line: Line) -> float:
    """Of the t-test; of the sign-flip test where all differences are the same."""
    assert line.test is not None
    return line.test.p_flip if line.test.p_t is None else line.test.p_t


def _reading(tests: Sequence[Paired]) -> list[str]:
    fewest = min(tests, key=lambda test: test.n)
    notes = [
        f"the verdict is the paired t-test's at p < {LEVEL}, after Holm's correction over "
        f"{len(tests)} comparisons; not distinguishable: chance alone could give such a difference"
    ]
    if fewest.least >= LEVEL:
        notes.append(
            f"the sign-flip test cannot give p below {fewest.least:g} with {fewest.n} pairs: "
            "whoever doubts that differences are normal needs at least 6 seeds"
        )
    return notes
