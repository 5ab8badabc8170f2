"""Rows of evaluations.csv, which `kdrun evaluate` wrote beside a run, as rows of that run."""

from __future__ import annotations

import os

from kdrun.results.record import load_record
from kdrun.results.table import Row, read_csv

TABLE = "evaluations.csv"

TEXT = frozenset({"run_id", "data", "domain", "data_hash", "weights_sha256"})

OF = ("evaluated.data", "evaluated.domain")
"""Columns that tell apart what was measured of one run; of all its domains together it is `all`."""


def evaluations(path: str) -> list[Row]:
    """What was measured of a run's student later, a row for each of its evaluations.

    On which data it was measured takes the place of the test split's: numbers of unlike data are
    never averaged.

    Args:
        path: of the table, in the folder of its run.

    Raises:
        ValueError: it is no such table, or no run lies there.
        FileNotFoundError: likewise.
    """
    folder = os.path.dirname(path) or "."
    run_id = load_record(folder)["run_id"]
    return [
        {
            **{key: value for key, value in row.items() if key not in TEXT},
            "run_dir": folder,
            "run_id": run_id,
            "test_hash": row["data_hash"],
            OF[0]: row["data"],
            OF[1]: row["domain"] or "all",
        }
        for row in read_csv(path, TEXT, TEXT)
    ]
