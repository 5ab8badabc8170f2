"""Curves over epochs: the mean of a group's runs, and how far they lie apart."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kdrun.compare.comparison import Line
from kdrun.compare.present import title
from kdrun.report.legend import COLOURS, Legend
from kdrun.results.glossary import is_share, told
from kdrun.results.record import read_metrics
from kdrun.results.table import Row, Value
from kdrun.security.wellformed import is_number

log = logging.getLogger(__name__)

MEASURES = ("val_accuracy", "val_r2", "val_rmse", "val_nll", "loss")
"""Columns of metrics.csv; the first that there is comes first."""

POINTS = 150
"""More points than this in a curve are thinned out."""


def curves(lines: Sequence[Line], names: Legend) -> dict[str, object]:
    """The curves of each group; without colours for all, of the first `COLOURS`, the best ones.

    Returns:
        `measures` that there are, and by group and measure its `epochs`, `mean`, `low`, `high` and
        the number of runs `n`. A curve ends where the first of its runs does.
    """
    drawn = range(len(lines)) if names.series else range(min(len(lines), COLOURS))
    histories = {i: _histories(lines[i]) for i in drawn}
    measures, of_group = [], {}
    for measure in dict.fromkeys((*told("val_"), *MEASURES)):
        found = {i: curve for i in drawn if (curve := _curve(histories[i], measure))}
        if found:
            scale = 100 if is_share(measure) else 1
            measures.append({"name": measure, "title": title(measure), "scale": scale})
            of_group[measure] = found
    return {"measures": measures, "of": of_group, "all": len(drawn) == len(lines)}


def _histories(line: Line) -> list[list[Row]]:
    places = [str(row["run_dir"]) for row in line.group.rows if row.get("run_dir") is not None]
    return [history for place in places if (history := _history(place))]


def _history(place: str) -> list[Row]:
    try:
        return [row for row in read_metrics(place) if is_number(row.get("epoch"))]
    except (ValueError, OSError) as error:
        log.warning("no curve of %s: %s", place, error)
        return []


def _curve(histories: Sequence[Sequence[Row]], measure: str) -> dict[str, object] | None:
    runs = [
        {row["epoch"]: value for row in history if (value := _number(row.get(measure))) is not None}
        for history in histories
    ]
    runs = [run for run in runs if run]
    if not runs:
        return None
    epochs = _thinned([epoch for epoch in runs[0] if all(epoch in run for run in runs)])
    columns = [[run[epoch] for run in runs] for epoch in epochs]
    return {
        "epochs": epochs,
        "mean": [_rounded(sum(column) / len(column)) for column in columns],
        "low": [_rounded(min(column)) for column in columns],
        "high": [_rounded(max(column)) for column in columns],
        "n": len(runs),
    }


def _thinned(epochs: list[Value]) -> list[Value]:
    """At most `POINTS` of them, the last one too."""
    if len(epochs) <= POINTS:
        return epochs
    step = (len(epochs) - 1) / (POINTS - 1)
    return [epochs[round(i * step)] for i in range(POINTS)]


def _number(value: object) -> float | None:
    return float(value) if is_number(value) else None  # type: ignore[arg-type]


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
