"""Objects of JSON as the rows of a table: one a line, or all in a list."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from kdrun.dataset.cells import Cells, Format
from kdrun.dataset.json_lines import check_keys, read_json_lines

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""How such files end, before .gz and the like."""


def read_json_rows(path: str | Path, written: Format | None = None) -> Cells:
    """Every key of objects of JSON as a column; what is null, blank or not there is missing.

    JSON has null: of the marks of missing cells, only those that the user adds count here.

    Args:
        path: of the file, which may be packed: .gz, .bz2, .xz.
        written: how; None where all of it is to be found.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds anything else.
    """
    import pandas as pd

    written = written or Format()
    rows = read_json_lines(path, written.charset)
    if not rows:
        raise ValueError(f"{path} holds no rows.")
    check_keys(path, rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    marks = {"", *(str(mark).strip() for mark in written.missing or ())}
    columns = {name: [row.get(name) for row in rows] for name in names}
    counts = Counter[str]()
    found = {}
    for name, values in columns.items():
        missing = [v is None or v != v or str(v).strip() in marks for v in values]
        counts.update(
            str(v).strip()
            for v, none in zip(values, missing, strict=True)
            if none and isinstance(v, str)
        )
        found[name] = pd.Series(values, dtype=object).mask(np.array(missing), np.nan)
    return Cells(pd.DataFrame(found), [], Counter({k: counts[k] for k in counts if k}))
