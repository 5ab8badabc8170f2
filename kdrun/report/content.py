"""What a report says, as plain containers: everything that compare found, and every single run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kdrun.compare import default_metric, present
from kdrun.compare.comparison import Comparison, Line, compare, hold_against
from kdrun.compare.front import field, mark_front
from kdrun.compare.groups import differing, group_rows, measured, settings, shown
from kdrun.report.classes import classes
from kdrun.report.curves import curves
from kdrun.report.legend import Legend, legend
from kdrun.report.runs import links, settings_apart
from kdrun.results.glossary import is_cost, is_share, is_timed, told
from kdrun.results.table import REPLICATES, Row, Value
from kdrun.security.wellformed import UNFINISHED

Table = dict[str, object]

SUMMED = (
    *("test_r2", "test_mae", "test_nll", "agreement"),
    *("student_params", "student_macs", "latency_ms", "train_seconds"),
)
"""What is summed up beside the metric that is compared, where it was measured."""

COSTS = ("student_params", "student_macs", "latency_ms", "train_seconds")
"""What the metric is drawn against."""


def content(
    rows: Sequence[Row],
    metrics: Sequence[str],
    by: Sequence[str],
    over: Sequence[str],
    baseline: Row,
    place: Path,
) -> dict[str, object]:
    """Everything on the page.

    Args:
        rows: of runs, in any state.
        metrics: columns to sum up; empty for accuracy, or a regression's error, and `SUMMED`.
        by: the columns to group by; empty for all that differ but the seed.
        over: columns to average over on purpose.
        baseline: what makes one, by column; empty for none.
        place: the folder where the page will lie, from which it links to the runs.

    Raises:
        ValueError: a named metric was nowhere measured, no group is a baseline, or a group would
            mix what is not comparable.
    """
    shown_metrics = list(metrics) or _metrics(rows)
    comparison = None
    if metrics or baseline or any(_counts(row, shown_metrics[0]) for row in rows):
        comparison = compare(rows, shown_metrics, by, over)
        if baseline:
            hold_against(comparison, baseline)
        present.sort(comparison, "")
    told: dict[str, object] = {
        "facts": _facts(rows, comparison),
        "metric": _metric(shown_metrics[0]),
        "runs": _runs(rows, shown_metrics),
        "links": links(rows, place),
        "failures": _failures(rows),
        "settings": settings_apart(rows),
    }
    if comparison:
        told |= _compared(comparison)
        told["reference"] = _reference(rows, comparison)
    return told


def _reference(rows: Sequence[Row], comparison: Comparison) -> int:
    """The run that the configs of others are held against: of the baseline, or of the best."""
    lines = comparison.lines
    line = next((line for line in lines if line.verdict == "baseline"), lines[0])
    return next(i for i, row in enumerate(rows) if row is line.group.rows[0])


def _counts(row: Row, metric: str) -> bool:
    return row.get("status") not in ("failed", *UNFINISHED) and measured(row, metric)


def _metrics(rows: Sequence[Row]) -> list[str]:
    """The metric to compare, then what else was measured; times only if all are of one device."""
    first = default_metric(rows)
    devices = {row.get("device") for row in rows if measured(row, first)}
    others = [m for m in (*told("test_"), *SUMMED) if not is_timed(m) or len(devices) == 1]
    others = [m for m in others if m != first]
    return [first, *(m for m in others if any(measured(row, m) for row in rows))]


def _metric(name: str) -> dict[str, object]:
    return {
        "name": name,
        "title": present.title(name),
        "scale": 100 if is_share(name) else 1,
        "less": is_cost(name),
    }


def _facts(rows: Sequence[Row], comparison: Comparison | None) -> dict[str, object]:
    """The head of the page: how many runs ended how, what they share, what differs."""
    states = Counter(shown(row.get("status")) for row in rows)
    facts: dict[str, object] = {
        "runs": len(rows),
        "states": dict(states),
        "summary": "no run has anything to compare",
        "by": [],
    }
    if comparison:
        summary, *_ = present.summary(comparison).splitlines()
        facts |= {
            "summary": summary,
            "by": comparison.by,
            "alike": {key: shown(value) for key, value in comparison.constant.items()},
            "notes": comparison.notes,
        }
    return facts


def _compared(comparison: Comparison) -> dict[str, object]:
    """The table of groups, and the numbers that are drawn."""
    names = legend([line.group.by for line in comparison.lines])
    costs = [cost for cost in COSTS if cost in comparison.metrics]
    fronts = {cost: _front(comparison, cost) for cost in costs}
    return {
        "table": _table(comparison, names),
        "groups": [
            _group(line, comparison.metrics[0], fronts, names, position)
            for position, line in enumerate(comparison.lines)
        ],
        "series": names.series,
        "panels": names.panels,
        "axes": names.axes,
        "costs": [_metric(cost) for cost in costs],
        "curves": curves(comparison.lines, names),
        "classes": classes(comparison.lines, names),
    }


def _table(comparison: Comparison, names: Legend) -> Table:
    """As compare prints it, in the order of what a reader of a narrow page looks for.

    First what tells the groups apart, with the words of the pictures; columns that repeat it, and
    other metrics, come last.
    """
    rows = present.lines(comparison)
    first = present.title(comparison.metrics[0])
    told = [*names.texts, *(k for k in (first, "95 % interval", "n", "verdict") if k in rows[0])]
    others = [present.title(metric) for metric in comparison.metrics[1:]]
    late = [*others, *comparison.by]
    columns = [*told, *(key for key in rows[0] if key not in {*told, *late}), *late]
    columns = [key for key in dict.fromkeys(columns) if any(row[key] != "" for row in rows)]
    for position, (line, row) in enumerate(zip(comparison.lines, rows, strict=True)):
        row |= {key: _setting(value) for key, value in line.group.by.items()}
        row |= {key: texts[position] for key, texts in names.texts.items() if row[key] == "-"}
        if row.get("against"):
            groups = [other.group for other in comparison.lines]
            row["against"] = names.names[groups.index(line.base)] if line.base else ""
    return {"columns": columns, "rows": [[row[key] for key in columns] for row in rows]}


def _setting(value: Value) -> str:
    """Four digits of a learning rate that was drawn at random are enough to know it by."""
    return f"{value:.4g}" if isinstance(value, float) else shown(value)


def _group(
    line: Line, metric: str, fronts: dict[str, set[int]], names: Legend, position: int
) -> dict[str, object]:
    low, high = line.interval or (None, None)
    told: dict[str, object] = {
        "name": names.names[position],
        "series": names.series_of[position],
        "panel": names.panel_of[position],
        "mean": finite(line.mean[metric]),
        "low": finite(low),
        "high": finite(high),
        "text": present.mean_and_std(line, metric),
        "n": line.n,
        "values": [finite(value) for value in line.group.values(metric)],
        "verdict": line.verdict,
        "field": " · ".join(field(line)),
        "costs": {cost: finite(line.mean[cost]) for cost in fronts},
        "front": [cost for cost, members in fronts.items() if id(line) in members],
        "cells": [names.cells[key][position] for key in names.cells],
    }
    if line.test:
        bounds = [present.number(metric, b, signed=True) for b in (line.test.low, line.test.high)]
        told["difference"] = present.number(metric, line.test.mean, signed=True)
        told["difference_range"] = bounds if all(bounds) else None
    return told


def _front(comparison: Comparison, cost: str) -> set[int]:
    """The lines that no other on the same test data beats at the same cost, by identity."""
    alone = replace(comparison, lines=[replace(line) for line in comparison.lines], notes=[])
    mark_front(alone, cost)
    marked = zip(comparison.lines, alone.lines, strict=True)
    return {id(line) for line, copy in marked if copy.on_front}


def _runs(rows: Sequence[Row], metrics: Sequence[str]) -> Table:
    """A row per run: its name, how it ended, in what it differs, what was measured."""
    apart = [*_apart(rows), *(key for key in REPLICATES if differing(rows, [key]))]
    known = [metric for metric in metrics if any(measured(row, metric) for row in rows)]
    return {
        "columns": ["run", "status", *apart, *(present.title(metric) for metric in known)],
        "rows": [
            [
                _name(row),
                shown(row.get("status")),
                *(_setting(row.get(key)) for key in apart),
                *(_number(row, metric) for metric in known),
            ]
            for row in rows
        ],
    }


def _failures(rows: Sequence[Row]) -> Table:
    """Runs that failed, those with the same error together."""
    failed = [index for index, row in enumerate(rows) if row.get("status") == "failed"]
    by_error = group_rows(({"error": rows[i].get("error"), "at": i} for i in failed), ["error"])
    groups = sorted(by_error.values(), key=len, reverse=True)
    return {
        "errors": [
            {"error": shown(group[0]["error"]), "runs": [row["at"] for row in group]}
            for group in groups
        ]
    }


def _apart(rows: Sequence[Row]) -> list[str]:
    """The settings in which runs differ; what a run did not live to know is no difference."""
    ended = [row for row in rows if row.get("status") not in ("failed", *UNFINISHED)]
    differ = differing(ended, settings(rows))
    return [
        key
        for key in settings(rows)
        if key in differ or len({row.get(key) for row in rows} - {None}) > 1
    ]


def _name(row: Row) -> str:
    return shown(row.get("run_id") or row.get("run_dir"))


def _number(row: Row, metric: str) -> str:
    value = row.get(metric)
    return present.number(metric, float(value)) if measured(row, metric) else ""  # type: ignore[arg-type]


def finite(value: float | None) -> float | None:
    """A number that JSON can hold; None for the others."""
    return value if value is not None and math.isfinite(value) else None
