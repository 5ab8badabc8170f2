"""The column that is predicted: classes by name, or values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.columns import number_classes
from kdrun.dataset.numerals import Style, read_numbers, told, unlike_numbers
from kdrun.dataset.spelling import check_case, unite

if TYPE_CHECKING:
    import pandas as pd


def read_answers(
    column: pd.Series[Any],
    task: str,
    allowed: Sequence[Style],
    spelling: str | None,
    marked: str = "",
) -> tuple[pd.Series[Any], list[str]]:
    """The name of each row's class, or its value as float64; and what was assumed.

    Args:
        column: text, NaN where it is missing.
        task: `classification` or `regression`.
        allowed: ways to write numbers.
        spelling: how classes are compared, as in `spelling.key`.
        marked: a hint that ends the message about a missing cell.

    Raises:
        ValueError: a cell is missing or no finite number, or classes differ by case only.
    """
    missing = column.index[column.isna()]
    if len(missing):
        raise ValueError(
            f"column '{column.name}' is empty in row {missing[0] + 1}, and in {len(missing)} rows "
            f"in all: each needs a label.{marked}"
        )
    if task == "classification":
        names, notes = unite(column, spelling)
        if spelling is None:
            check_case(names, f"column '{column.name}'")
        return names, notes
    name = str(column.name)
    found = read_numbers(column.to_frame(), [name], allowed).get(name)
    if found is None:
        raise ValueError(f"column '{name}' holds {unlike_numbers(column, allowed)}")
    if len(odd := column.index[~np.isfinite(found.values)]):
        raise ValueError(
            f"column '{name}' holds '{column[odd[0]]}' in row {odd[0] + 1}, which is no finite "
            "number."
        )
    values = column.to_frame().assign(**{name: found.values})[name]
    return values, told({name: found})


def number_answers(answers: pd.Series[Any], task: str, path: str) -> tuple[Tensor, list[str]]:
    """(N,) targets, and the names of the classes; numbers sort as numbers.

    Args:
        answers: N, as `read_answers` gives them.
        task: `classification` or `regression`.
        path: of the file, for the messages.

    Raises:
        ValueError: there is one class only, or nearly as many as rows.
    """
    if task == "regression":
        return torch.tensor(answers.to_numpy(), dtype=torch.float32), []
    where = f"{path}: column '{answers.name}'"
    classes = sort_names(answers.unique())
    return number_classes(
        answers, classes, where, "set dataset.task=regression for values"
    ), classes


def sort_names(names: Iterable[str]) -> list[str]:
    """Names of classes in their order: that of numbers where all are."""
    found = sorted(names)
    try:
        return sorted(found, key=float)
    except ValueError:
        return found
