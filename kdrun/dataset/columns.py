"""Columns of a CSV file as rows of numbers: everything is learnt from the training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.dataset.arrays import Array, to_inputs
from kdrun.dataset.domains import Encoder, rows, with_inputs
from kdrun.types import Split

if TYPE_CHECKING:
    import pandas as pd


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
            f"{column.index[wrong[0]] + 1}, which is no finite number."
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
        self.learnt: dict[str, list[dict[str, Any]]] = {}

    def fit(self, table: pd.DataFrame) -> Columns:
        """Learn from training rows."""
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import OrdinalEncoder, StandardScaler

        # Of a column that is empty in training nothing was learnt, not even its scale.
        known = [name for name in self._numeric if table[name].notna().any()]
        numeric, categorical = [], []
        if known:
            fill = SimpleImputer(strategy=self._impute, add_indicator=self._indicators)
            scaler = StandardScaler().fit(fill.fit_transform(table[known].to_numpy(np.float64)))
            told = list(zip(scaler.mean_.tolist(), scaler.scale_.tolist(), strict=True))
            fills, own = fill.statistics_.tolist(), told[: len(known)]
            for name, value, (mean, scale) in zip(known, fills, own, strict=True):
                numeric.append({"name": name, "fill": value, "mean": mean, "scale": scale})
            missing = fill.indicator_.features_.tolist() if self._indicators else []
            for place, (mean, scale) in zip(missing, told[len(known) :], strict=True):
                numeric[place]["indicator"] = {"mean": mean, "scale": scale}
        for name in self._categorical:
            encoder = OrdinalEncoder().fit(_texts(table[name])[:, None])
            categorical.append({"name": name, "values": encoder.categories_[0].tolist()})
            if self._encoding == "ordinal":
                scaler = StandardScaler().fit(encoder.transform(_texts(table[name])[:, None]))
                categorical[-1]["ordinal"] = {
                    "mean": scaler.mean_.item(),
                    "scale": scaler.scale_.item(),
                }
        self.learnt = {"numeric": numeric, "categorical": categorical}
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What the D numbers are called: a column, `COLUMN_VALUE`, or `missingindicator_COLUMN`."""
        numeric, categorical = self.learnt["numeric"], self.learnt["categorical"]
        found = [column["name"] for column in numeric]
        found += [f"missingindicator_{c['name']}" for c in numeric if "indicator" in c]
        for column in categorical:
            name, values = column["name"], column["values"]
            found += [name] if "ordinal" in column else [f"{name}_{value}" for value in values]
        return tuple(found)

    def __call__(self, table: pd.DataFrame) -> Array:
        """(N, D) float32 rows of a table."""
        return encode(self.learnt, table)


def encode(learnt: Mapping[str, Sequence[Mapping[str, Any]]], table: pd.DataFrame) -> Array:
    """(N, D) float32 rows of a table, by what `Columns` learnt.

    Args:
        learnt: `Columns.learnt`, which is plain values.
        table: with floats in the numeric columns.
    """
    found: list[Array] = []
    indicators: list[Array] = []
    for column in learnt["numeric"]:
        numbers = table[column["name"]].to_numpy(np.float64)
        missing = np.isnan(numbers)
        filled = np.where(missing, column["fill"], numbers)
        found.append((filled - column["mean"]) / column["scale"])
        if own := column.get("indicator"):
            indicators.append((missing - own["mean"]) / own["scale"])
    found += indicators
    for column in learnt["categorical"]:
        places = {value: place for place, value in enumerate(column["values"])}
        numbers = np.array([places.get(cell, -1) for cell in _texts(table[column["name"]])])
        if own := column.get("ordinal"):
            found.append((numbers - own["mean"]) / own["scale"])
        else:
            found += list((numbers[:, None] == np.arange(len(places))).T)
    return np.stack([column.astype(np.float32) for column in found], axis=1)


def _texts(column: pd.Series[Any]) -> Array:
    """Cells as text; a missing one is a value like any other."""
    found: Array = column.astype(str).where(column.notna(), "").to_numpy(dtype=object)
    return found


def encode_rows(table: pd.DataFrame, columns: Columns) -> Callable[[Split, Split], Encoder]:
    """What `combine` fits where the samples of a split are positions in a table.

    Args:
        table: the rows of all domains.
        columns: not yet fitted.
    """

    def fit(source: Split, target: Split) -> Encoder:
        columns.fit(table.iloc[rows(source).numpy()])
        return encoded

    def encoded(split: Split) -> Split:
        made = columns(table.iloc[rows(split).numpy()])
        return with_inputs(split, to_inputs(made, "the table"))

    return fit


def row_marks(table: pd.DataFrame) -> Tensor:
    """(N,) int64 digests of the rows of a table, wherever they stand in it: `Arrays.marks`."""
    import pandas as pd

    found = pd.util.hash_pandas_object(table.astype(str), index=False)
    return torch.from_numpy(found.to_numpy().view("int64").copy())


def number_classes(
    labels: pd.Series[Any], classes: Sequence[Any], where: str, otherwise: str
) -> Tensor:
    """(N,) the number of each label's class.

    Args:
        labels: N of them.
        classes: in their order.
        where: they stand, for the messages.
        otherwise: what to do if these are no classes.

    Raises:
        ValueError: all are of one class, or more than half of the rows have a class of their own.
    """
    if len(classes) < 2:
        raise ValueError(f"{where} holds one class only, '{classes[0]}'.")
    if len(classes) > len(labels) / 2:
        raise ValueError(
            f"{where} holds {len(classes)} classes in {len(labels)} rows: {otherwise}."
        )
    numbers = {name: number for number, name in enumerate(classes)}
    return torch.tensor([numbers[label] for label in labels])
