"""Columns that are no features: they number the rows, or say the label; rows that repeat others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kdrun.dataset.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

MANY = 20
"""In fewer rows, that all cells differ says little."""

NAMED = re.compile(r"(?i:(?:.*[_ .-])?(?:id|uuid|guid|index)|unnamed: \d+)|.*[a-z](?:ID|Id)")
"""Names of columns that number what the rows are about."""


def numbers_rows(name: str, values: Array) -> str | None:
    """Why a column of numbers is an index or an id; None if nothing speaks for it.

    Args:
        name: of the column.
        values: (N,), NaN where missing.
    """
    if len(values) < MANY or np.isnan(values).any() or (values != np.floor(values)).any():
        return None
    ordered = np.sort(values)
    steps = np.diff(ordered)
    if not steps.all():
        return None
    if (steps == 1).all():
        return "numbers the rows"
    if (np.diff(values) > 0).all():
        return "rises from row to row, as an id does"
    return "is an id by its name, and different in all rows" if NAMED.fullmatch(name) else None


def names_rows(column: pd.Series[Any]) -> bool:
    """Whether every cell of a column is there, and different."""
    return len(column) >= MANY and bool(column.notna().all()) and column.is_unique


def say_the_label(features: Mapping[str, pd.Series[Any]], label: pd.Series[Any]) -> Iterator[str]:
    """Columns from which the label can be read off.

    Args:
        features: by name, N numbers or texts each.
        label: N classes as text, or values as numbers.
    """
    import pandas as pd

    if len(label) < MANY:
        return
    values = pd.api.types.is_float_dtype(label)
    classes = label.nunique()
    for name, column in features.items():
        if values:
            numbers = pd.api.types.is_float_dtype(column) and column.notna().all()
            same = numbers and column.std() > 0 and abs(column.corr(label)) > 1 - 1e-9
        else:
            pairs = pd.DataFrame({"feature": column.to_numpy(), "label": label.to_numpy()})
            same = column.nunique(dropna=False) == classes == len(pairs.drop_duplicates())
        if same:
            yield (
                f"column '{name}' says the label '{label.name}' in every row: if it is not known "
                f"beforehand, dataset.drop=[{name}]"
            )


def repeated_rows(features: pd.DataFrame, label: pd.Series[Any]) -> Iterator[str]:
    """Rows that repeat an earlier one in every feature.

    Args:
        features: N rows.
        label: N classes as text, or values as numbers.
    """
    repeated = features.duplicated()
    if not repeated.any():
        return
    copies = int(repeated.sum())
    answered = features.assign(**{f"label of {list(features.columns)}": label})
    others = copies - int(answered.duplicated().sum())
    apart = f", {others} of them with another '{label.name}'" if others else ""
    yield (
        f"{copies:,} of {len(features):,} rows repeat{'s' * (copies == 1)} an earlier one in every "
        f"feature{apart}: copies may stand in training and test alike"
    )
