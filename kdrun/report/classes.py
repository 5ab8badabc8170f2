"""How well each class is known, from the tables that runs have left beside their records."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from kdrun.compare.comparison import Line
from kdrun.report.legend import Legend
from kdrun.results.table import Row, read_csv
from kdrun.security import bounds

FILE = "classes.csv"
MEASURES = ("precision", "recall", "f1")
GROUPS = 12
"""Of so many groups, the best, classes are told."""

LARGEST = 2**20
"""Bytes of a table of classes; one of more is not of kdrun's making."""


def classes(lines: Sequence[Line], names: Legend) -> dict[str, object]:
    """A row for each group and class: support and means over the runs, in per cent.

    Args:
        lines: of the comparison, the best first.
        names: what the groups are called.
    """
    rows: list[list[str]] = []
    for position, line in enumerate(lines[:GROUPS]):
        found: dict[str, list[Row]] = {}
        for run in line.group.rows:
            for row in _table(Path(str(run.get("run_dir") or ""), FILE)):
                found.setdefault(str(row["class"]), []).append(row)
        for name, each in found.items():
            support = {str(row.get("support")) for row in each}
            cells = [_summed([row.get(measure) for row in each]) for measure in MEASURES]
            rows.append([names.names[position], name, " or ".join(sorted(support)), *cells])
    return {"columns": ["group", "class", "support", *MEASURES], "rows": rows}


def _table(path: Path) -> list[Row]:
    """The rows of a run's table; none where it has no readable one."""
    try:
        if not bounds.is_plain(path) or path.stat().st_size > LARGEST:
            return []
        return read_csv(path, text=frozenset({"class"}), needed=["class", *MEASURES])
    except (OSError, ValueError):
        return []


def _summed(values: Sequence[object]) -> str:
    """Mean ± deviation of shares, in per cent; empty where none is defined."""
    known = [100 * v for v in values if isinstance(v, int | float) and math.isfinite(v)]
    if not known:
        return ""
    spread = f" ± {statistics.stdev(known):.1f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.1f}{spread}"
