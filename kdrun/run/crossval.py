"""Cross-validation: what is wrong with how it was asked for, and what it says in the end.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kdrun.config.instantiate import locate, parameters
from kdrun.results.glossary import headline
from kdrun.results.record import Record, load_record, tabulate_records
from kdrun.results.table import REPLICATES, Row
from kdrun.security.wellformed import is_number

METRICS = ("test_accuracy", "test_f1", "test_rmse", "test_r2")
"""Those that were measured are told."""


def faults(plain: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the `cv` section of a run's config."""
    folds, fold = plain["cv"]["folds"], plain["cv"]["fold"]
    if folds is None:
        if fold is not None:
            yield f"cv.fold={fold}: of how many? Give cv.folds=NUMBER too"
        return
    if folds < 2:
        yield f"cv.folds={folds}: must be at least 2, or null"
    elif fold is None:
        yield f"cv.folds={folds}: a search needs one of them, cv.fold=0 to {folds - 1}"
    elif not 0 <= fold < folds:
        yield f"cv.fold={fold}: must be 0 to {folds - 1}, one of cv.folds={folds}"
    try:
        function = locate(str(plain["dataset"].get("_target_")), "dataset", plain["plugins"])
    except ValueError:
        return  # told elsewhere
    if "fold" not in parameters(function):
        yield f"cv.folds={folds}: dataset={plain['dataset']['name']} takes no argument 'fold'"


def told(run_dirs: Iterable[Path]) -> str:
    """The table of a cross-validation, or of several: then a line for each.

    Args:
        run_dirs: of runs, those that failed among them.

    Returns:
        The text; empty if none of them is a fold that ended well.
    """
    from kdrun.compare.comparison import compare
    from kdrun.compare.groups import differing
    from kdrun.compare.present import mean_and_std, number, present, tabulated, title

    records = list(_readable(run_dirs))
    rows = [row for row in tabulate_records(records) if row.get("fold") is not None]
    rows = [row for row in rows if row["status"] == "ok"]
    wanted = dict.fromkeys((headline(rows), *METRICS))
    metrics = [name for name in wanted if any(row.get(name) is not None for row in rows)]
    if not metrics:
        return ""
    comparison = compare(rows, metrics)
    if len(comparison.lines) > 1:
        return present(comparison, "table")[0]
    (line,) = comparison.lines
    repeated = differing(rows, REPLICATES) or ["fold"]
    shown: list[Row] = []
    for row in rows:
        shown.append({key: str(row[key]) for key in repeated})
        shown[-1] |= {title(name): number(name, _measured(row, name)) for name in metrics}
    mean: Row = {repeated[0]: "mean ± std"}
    mean |= {title(name): mean_and_std(line, name) for name in metrics}
    return tabulated([*shown, mean], "table")


def _readable(run_dirs: Iterable[Path]) -> Iterator[Record]:
    for path in run_dirs:
        with suppress(FileNotFoundError, ValueError):  # told where the table is built
            yield load_record(path)


def _measured(row: Row, metric: str) -> float | None:
    value = row.get(metric)
    return float(value) if is_number(value) else None  # type: ignore[arg-type]
