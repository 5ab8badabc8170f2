"""Tables of decisions: what somebody said of samples, as .csv, .parquet, .jsonl or .npz.

A row has an `id` (of the sample; without the column, rows are in the order of the data) and one of

- `label`: the name of a class, or its number; optional `confidence`, how sure that is, 0 to 1
- `p_NAME` for each class: probabilities, which sum to one
- `logit_NAME` for each class

and may have `weight`, how much it counts; `split` (train, val or test; training data where there is
no such column), and `digest`, of the very numbers that were judged. In .jsonl and .npz, lists
`probabilities` or `logits` may stand in place of the columns; .npz then names them in `classes`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kdrun.dataset.arrays import Array, read_npz, to_names
from kdrun.dataset.cells import read_table
from kdrun.dataset.json_lines import check_keys, read_json_lines
from kdrun.security import bounds

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

PREFIXES = {"probabilities": "p_", "logits": "logit_"}
KNOWN = ("id", "split", "digest", "label", "confidence", "weight")
SUFFIXES = (".csv", ".parquet", ".jsonl", ".npz")


class Table(NamedTuple):
    """A table as it was read; rows are not yet those of any data.

    Attributes:
        columns: (R,) arrays of text or numbers, of `KNOWN` names.
        values: (R, K) probabilities or logits, if it has them.
        kind: `label`, `probabilities` or `logits`: what is said of a sample.
        classes: names of the K values; None where they have none.
        row: (R,) which rows of the file these are, from 1: those that decide nothing are left out.
        length: rows of the file.
    """

    columns: dict[str, Array]
    values: Array | None
    kind: str
    classes: list[str] | None
    row: Array
    length: int

    def text(self, name: str) -> list[str] | None:
        """A column as text; None where there is no such column."""
        return [_word(cell) for cell in self.columns[name]] if name in self.columns else None

    def numbers(self, name: str, default: float) -> Array:
        """A column as (R,) float64, with a default where it or a cell is missing.

        Raises:
            ValueError: a cell is no number.
        """
        import pandas as pd

        if name not in self.columns:
            return np.full(len(self.row), default)
        cells = pd.Series(self.columns[name])
        found: Array = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
        wrong = np.flatnonzero(np.isnan(found) & cells.notna().to_numpy())
        if len(wrong):
            row = self.row[wrong[0]]
            raise ValueError(f"{name} of row {row} is '{cells[wrong[0]]}', not a number")
        return np.where(np.isnan(found), default, found)


def read(path: str | Path) -> Table:
    """Read a table of decisions.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none, or says nothing, or two things at once, of a sample.
    """
    path = Path(path)
    if not bounds.is_plain(path):
        raise FileNotFoundError(f"there is no file {path}: give a table of decisions")
    if path.suffix == ".npz":
        return _from_arrays(read_npz(path))
    if path.suffix == ".csv":
        frame = read_table(path)
    elif path.suffix == ".jsonl":
        frame = _read_jsonl(path)
    elif path.suffix == ".parquet":
        frame = _read_parquet(path)
    else:
        raise ValueError(f"{path.name} is none of {', '.join(SUFFIXES)}")
    return _from_frame(_named(frame))


def _read_jsonl(path: Path) -> pd.DataFrame:
    """Objects, one a line; nested probabilities become columns."""
    import pandas as pd

    rows = read_json_lines(path)
    for row in rows:
        for name, prefix in PREFIXES.items():
            values = row.pop(name, None)
            if isinstance(values, list):
                values = dict(enumerate(values))
            if not isinstance(values, dict | None):
                raise ValueError(f"{path.name}: {name} is {values!r:.40}: give a list or an object")
            row |= {f"{prefix}{key}": value for key, value in (values or {}).items()}
    check_keys(path, rows)
    return pd.DataFrame(rows)


def _read_parquet(path: Path) -> pd.DataFrame:
    """A table whose pages may say a value once for a million rows, so it is counted first."""
    import pandas as pd

    try:
        from pyarrow.parquet import read_metadata

        told = read_metadata(path)
        groups = [told.row_group(i) for i in range(told.num_row_groups)]
        taken = 2 * sum(group.total_byte_size for group in groups)
        bounds.check(
            path, taken + bounds.CELL * told.num_rows * told.num_columns, f"{told.num_rows:,} rows"
        )
        return pd.read_parquet(path)
    except ImportError as error:
        raise ValueError(
            f"{path.name} needs a library that reads Parquet: pip install 'kdrun[parquet]'"
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read as Parquet: {error}") from error


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with rows from 1, and with the names that kdrun knows as kdrun writes them.

    Raises:
        ValueError: two columns have one name.
    """
    if frame.index.name is not None:  # pandas writes an index to Parquet beside the columns
        frame = frame.reset_index()
    names = []
    for name in map(str, frame.columns):
        short = name.strip()
        prefix = next((p for p in PREFIXES.values() if short.lower().startswith(p)), "")
        if short.lower() in KNOWN:
            short = short.lower()
        names.append(prefix + short[len(prefix) :].strip())
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"it has two columns '{twice[0]}'")
    others = [n for n in names if n not in KNOWN and not n.startswith(tuple(PREFIXES.values()))]
    if others:
        log.info("columns that are no part of decisions: %s", ", ".join(others))
    return frame.set_axis(names, axis=1).set_axis(np.arange(1, len(frame) + 1))


def _from_frame(frame: pd.DataFrame) -> Table:
    length = len(frame)
    prefixes = tuple(PREFIXES.values())
    answers = [name for name in frame.columns if name == "label" or name.startswith(prefixes)]
    if answers:  # a spreadsheet may have a row for every sample, decided or not
        frame = frame[frame[answers].notna().any(axis=1)]
        if frame.empty:
            raise ValueError(f"none of its {length} rows says anything in {', '.join(answers[:3])}")
    columns: dict[str, Array] = {n: frame[n].to_numpy() for n in KNOWN if n in frame.columns}
    said = ["label"] if "label" in columns else []
    classes, values = None, None
    for kind, prefix in PREFIXES.items():
        names = [name for name in frame.columns if name.startswith(prefix)]
        if names:
            said.append(kind)
            classes = [name.removeprefix(prefix) for name in names]
            values = _matrix(frame[names], kind)
    kind = _one_of(said, frame.columns)
    return Table(columns, values, kind, classes, frame.index.to_numpy(), length)


def _matrix(frame: pd.DataFrame, kind: str) -> Array:
    import pandas as pd

    numbers: Array = frame.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64, copy=True)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        row, column = wrong[0]
        cell = frame.iat[row, column]
        raise ValueError(
            f"{frame.columns[column]} of row {frame.index[row]} is "
            f"{'empty' if pd.isna(cell) else repr(str(cell))}: {kind} are finite numbers"
        )
    return numbers


def _from_arrays(arrays: Mapping[str, Array]) -> Table:
    columns = {name: arrays[name].reshape(-1) for name in KNOWN if name in arrays}
    said = ["label"] if "label" in columns else []
    kind = _one_of([*said, *(kind for kind in PREFIXES if kind in arrays)], arrays)
    length, values = len(arrays[kind]), arrays.get(kind) if kind in PREFIXES else None
    if values is not None and (values.ndim != 2 or not np.isfinite(values).all()):
        raise ValueError(f"{kind} of shape {values.shape} are not finite numbers (N, C)")
    for name, column in columns.items():
        if len(column) != length:
            raise ValueError(f"{name} has {len(column)} rows, and {kind} {length}")
    classes = to_names(arrays["classes"], "classes") if "classes" in arrays else None
    if classes is not None and values is not None and len(classes) != values.shape[1]:
        raise ValueError(f"{len(classes)} classes are named, but {kind} are {values.shape}")
    return Table(columns, values, kind, classes, np.arange(1, length + 1), length)


def _one_of(said: list[str], columns: Iterable[str]) -> str:
    if len(said) != 1:
        told = " and ".join(said) or f"only {', '.join(columns)}"
        raise ValueError(
            f"it has {told}: give a column label, or p_NAME or logit_NAME for each class"
        )
    return said[0]


def _word(cell: Any) -> str:
    """A cell as text; a whole number without decimals, so that 3.0 is the id 3."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace").strip()
    if isinstance(cell, float | np.floating):
        return "" if np.isnan(cell) else str(int(cell) if cell.is_integer() else cell)
    return "" if cell is None else str(cell).strip()
