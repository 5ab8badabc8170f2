"""Columns of a CSV file as rows of numbers: everything is learnt from the training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kdrun.dataset.arrays import Array, to_inputs
from kdrun.dataset.domains import Encoder, rows, with_inputs
from kdrun.target import nearest
from kdrun.types import Split

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null")
"""Cells that hold nothing."""


def read_table(path: str | Path) -> pd.DataFrame:
    """Every cell of a CSV file with a header, as text; missing ones as NaN.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table, or has no rows.
    """
    import pandas as pd

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}: give a CSV file with a header.")
    try:
        table = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            na_values=list(MISSING),
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as fault:
        raise ValueError(f"{path} is not a table of comma-separated values: {fault}") from fault
    if table.empty:
        raise ValueError(f"{path} has no rows below its header.")
    return table


def require_columns(table: pd.DataFrame, names: Iterable[str | None], path: str | Path) -> None:
    """Refuse a table that lacks one of these columns; None asks for nothing.

    Raises:
        ValueError: with the nearest name that it has.
    """
    for name in names:
        if name is not None and name not in table.columns:
            hint = nearest(name, table.columns)
            raise ValueError(f"{path} has no column '{name}'; {hint}")


def to_numbers(column: pd.Series[Any], path: str | Path) -> Array:
    """(N,) float64 numbers of a column of text, NaN where it is missing.

    Raises:
        ValueError: a cell is no finite number; the message names it.
    """
    import pandas as pd

    numbers: Array = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers) & column.notna().to_numpy())
    if len(wrong):
        raise ValueError(
            f"{path}: column '{column.name}' holds '{column.iloc[wrong[0]]}' in row "
            f"{wrong[0] + 1}, which is no finite number."
        )
    return numbers


class Columns:
    """Turns a table into rows of numbers, as it learnt from the training rows.

    A numeric column: missing cells are filled, then it is standardised; an indicator column says
    where cells were missing, if any were in training. One that is empty in training is left out.
    A categorical column becomes one column a value, or one of ordinal numbers; a value that
    training did not have is none of them, or -1.

    Args:
        numeric: names of the numeric columns, which hold floats.
        categorical: names of the others.
        encoding: `onehot` or `ordinal`, for the categorical columns.
        impute: `mean` or `median`, what fills missing numbers.
        indicators: whether there are indicator columns.
    """

    def __init__(
        self,
        numeric: Sequence[str],
        categorical: Sequence[str],
        encoding: Literal["onehot", "ordinal"] = "onehot",
        impute: Literal["mean", "median"] = "mean",
        indicators: bool = True,
    ) -> None:
        for key, value, allowed in (
            ("encoding", encoding, ("onehot", "ordinal")),
            ("impute", impute, ("mean", "median")),
        ):
            if value not in allowed:
                raise ValueError(f"dataset.{key}={value} is not defined; {nearest(value, allowed)}")
        self._numeric, self._categorical = list(numeric), list(categorical)
        self._encoding, self._impute, self._indicators = encoding, impute, indicators
        self._encoder: Any = None

    def fit(self, table: pd.DataFrame) -> Columns:
        """Learn from training rows."""
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

        fill = SimpleImputer(strategy=self._impute, add_indicator=self._indicators)
        onehot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        ordinal = make_pipeline(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), StandardScaler()
        )
        prepared = self._prepare(table)
        # Of a column that is empty in training nothing was learnt, not even its scale.
        known = [name for name in self._numeric if prepared[name].notna().any()]
        self._encoder = ColumnTransformer(
            [
                ("numeric", make_pipeline(fill, StandardScaler()), known),
                (
                    "categorical",
                    onehot if self._encoding == "onehot" else ordinal,
                    self._categorical,
                ),
            ]
        ).fit(prepared)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What the D numbers are called: a column, `COLUMN_VALUE`, or `missingindicator_COLUMN`."""
        found = self._encoder.get_feature_names_out()
        return tuple(str(name).partition("__")[2] for name in found)

    def __call__(self, table: pd.DataFrame) -> Array:
        """(N, D) float32 rows of a table."""
        encoded: Array = self._encoder.transform(self._prepare(table)).astype(np.float32)
        return encoded

    def _prepare(self, table: pd.DataFrame) -> pd.DataFrame:
        # A missing category is a value like any other.
        texts = {n: table[n].astype(str).where(table[n].notna(), "") for n in self._categorical}
        return table[self._numeric].assign(**texts)


def encode_rows(table: pd.DataFrame, columns: Columns) -> Callable[[Split, Split], Encoder]:
    """What `combine` fits where the samples of a split are positions in a table.

    Args:
        table: the rows of all domains.
        columns: not yet fitted.
    """

    def fit(source: Split, target: Split) -> Encoder:
        columns.fit(table.iloc[rows(source).numpy()])
        return encode

    def encode(split: Split) -> Split:
        encoded = columns(table.iloc[rows(split).numpy()])
        return with_inputs(split, to_inputs(encoded, "the table"))

    return fit


def numeric_columns(table: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """Which columns hold numbers in every cell that is not missing, and do so anywhere."""
    import pandas as pd

    found = []
    for name in names:
        known = table[name].dropna()
        if len(known) and pd.to_numeric(known, errors="coerce").notna().all():
            found.append(name)
    return found
