"""The plan of a sweep as text, and how long it will take, judged by what earlier runs took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tabulate import tabulate

from kdrun.config import identity, names
from kdrun.results import read_results
from kdrun.sweep.jobs import Job
from kdrun.sweep.outcome import state
from kdrun.table import Row
from kdrun.wellformed import is_number

ALIKE = ("method", "dataset", "teacher", "student")
"""Columns in which two runs must agree to take about as long."""


def told(jobs: Sequence[Job], todo: Sequence[Job], sweep_dir: Path) -> str:
    """The plan: each job, how it stands, and about how long it will train.

    Args:
        jobs: all jobs of the sweep.
        todo: those that would run.
        sweep_dir: their folder; the tables of it and of the folders beside it are consulted.
    """
    paces = _paces(sweep_dir)
    seconds = {job: _seconds(job, paces) for job in todo}
    rows = [
        (job.label, state(job), "" if job not in seconds else span(seconds[job])) for job in jobs
    ]
    known = [each for each in seconds.values() if each is not None]
    lines = [tabulate(rows, headers=("job", "now", "trains for")) if rows else ""]
    lines.append(f"{len(todo)} of {len(jobs)} runs to do in {sweep_dir}")
    if known:
        lines.append(
            f"about {span(sum(known))} of training for {len(known)} of them, one after another"
        )
    return "\n".join(lines)


def _paces(sweep_dir: Path) -> dict[tuple[object, ...], float]:
    """Seconds an epoch took, by what the runs were."""
    rows: list[Row] = []
    for table in sweep_dir.parent.glob("*/results.csv"):
        try:
            rows += read_results(table)
        except (OSError, ValueError):
            continue  # an estimate may do without it
    found: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        seconds, epochs = row.get("train_seconds"), row.get("epochs")
        if row.get("status") == "ok" and is_number(seconds) and is_number(epochs) and epochs:
            pace = float(seconds) / float(epochs)  # type: ignore[arg-type]
            found.setdefault(tuple(row.get(column) for column in ALIKE), []).append(pace)
    return {kind: median(paces) for kind, paces in found.items()}


def _seconds(job: Job, paces: dict[tuple[object, ...], float]) -> float | None:
    assert job.config is not None
    what = names(identity(job.config))
    pace = paces.get(tuple(what[column] for column in ALIKE))
    return None if pace is None else pace * what["epochs"]


def span(seconds: float | None) -> str:
    """A duration as people say it: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds is None:
        return "?"
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
