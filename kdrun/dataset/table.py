"""Any CSV file: one column is to be predicted from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from kdrun.dataset.cells import Format, read_cells
from kdrun.dataset.columns import (
    Columns,
    encode_rows,
    number_classes,
    numeric_columns,
    require_columns,
    to_numbers,
)
from kdrun.dataset.domains import (
    Domain,
    Labels,
    check_names,
    combine,
    number_groups,
    of_domain,
    own_classes,
)
from kdrun.dataset.fold import Fold, divide
from kdrun.target import nearest
from kdrun.types import Arrays, Dataset

if TYPE_CHECKING:
    import pandas as pd


def table(
    path: str,
    label: str,
    task: Literal["classification", "regression"] = "classification",
    categorical: Sequence[str] | None = None,
    drop: Sequence[str] | None = None,
    encoding: Literal["onehot", "ordinal"] = "onehot",
    impute: Literal["mean", "median"] = "mean",
    indicators: bool = True,
    domain: str | None = None,
    group: str | None = None,
    source: str | None = None,
    target: str | None = None,
    labels: Labels = "all",
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    test_fraction: float = 0.2,
    fold: Fold | None = None,
    separator: str | None = None,
    charset: str | None = None,
    missing: Sequence[str] | None = None,
    not_missing: Sequence[str] | None = None,
) -> Dataset:
    """Rows of a table with a header, as `Columns` encodes them.

    A column whose every cell is a number or missing is numeric. All that is learnt (means,
    deviations, categories) is learnt from the training rows, those of the source if there is one.

    Args:
        path: a CSV file.
        label: the column to predict.
        task: whether it holds classes or values.
        categorical: columns of numbers that stand for categories.
        drop: columns not to use, such as a row's number.
        encoding: `onehot` or `ordinal`, of categories.
        impute: what fills missing numbers.
        indicators: whether a column says where a number was missing.
        domain: the column that names each row's domain; None if there is only one.
        group: the column whose rows of one value stay together in every split, such as a patient;
            None where each row is by itself.
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts; None for all rows. Several may be joined by `+`, of either.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        val_fraction: how much of the training data is for model selection.
        split_seed: what every split is a function of.
        train_size: how many training samples of each domain are used; None for all.
        test_fraction: how much of each domain is for testing.
        fold: what is tested on in cross-validation; None for the split of `test_fraction`.
        separator: between cells, `tab`, `semicolon` or a character; None for what is found.
        charset: the encoding of the file; None for what is found.
        missing: marks of missing cells beside the usual ones.
        not_missing: usual marks that are values here.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column or domain is missing or malformed, or a fraction or size does not fit.
    """
    if task not in ("classification", "regression"):
        hint = nearest(task, ("classification", "regression"))
        raise ValueError(f"dataset.task={task} is not defined; {hint}")
    written = Format(separator, charset, tuple(missing or ()), tuple(not_missing or ()))
    named = (label, domain, group, *(categorical or ()), *(drop or ()))
    read = read_cells(path, written, [name for name in named if name])
    cells = read.table
    require_columns(cells, named, path)
    apart = {label, domain, group, *(drop or ())}
    features = [name for name in cells.columns if name not in apart]
    if not features:
        raise ValueError(f"{path}: no column is left to predict '{label}' from.")
    numeric = [n for n in numeric_columns(cells, features) if n not in (categorical or ())]
    others = [name for name in features if name not in numeric]
    cells = cells.assign(**{name: to_numbers(cells[name], path) for name in numeric})
    targets, classes = _targets(cells[label], task, path, read.marked)
    groups = number_groups(cells[group]) if group else None
    homes = _homes(cells, domain, source, target, path)

    ids = [str(row) for row in cells.index]
    whole = Arrays(torch.arange(len(cells)), targets, ids, groups)

    def part(name: str | None, fold: Fold | None = None) -> Domain:
        own = of_domain(whole, homes, name)
        train, test = divide(own, test_fraction, split_seed, fold)
        return own_classes(Domain(name or "", train, test, classes))

    columns = Columns(numeric, others, encoding, impute, indicators)
    data = combine(
        part(target, fold),
        part(source) if source else None,
        labels=labels,
        val_fraction=val_fraction,
        split_seed=split_seed,
        train_size=train_size,
        fit=encode_rows(cells, columns),
    )
    reader = {"_target_": "kdrun.dataset.new.rows", "learnt": columns.learnt}
    return replace(data, columns=columns.names, reader=reader, notes=tuple(read.notes))


def _homes(
    cells: pd.DataFrame, domain: str | None, source: str | None, target: str | None, path: str
) -> pd.Series[Any]:
    """The name of each row's domain; anything if none is asked for."""
    if domain is None:
        if source or target:
            raise ValueError(
                f"dataset.source={source}, dataset.target={target}: set dataset.domain to the "
                f"column of {path} that names each row's domain."
            )
        return cells.index.to_series()
    if target is None and source is not None:
        raise ValueError("dataset.source is set, but not dataset.target: name the domain to test.")
    homes = cells[domain]
    names = sorted(homes.dropna().unique())
    if target is not None:
        check_names(source, target, names)
    return homes


def _targets(column: pd.Series[Any], task: str, path: str, marked: str) -> tuple[Tensor, list[str]]:
    """Each row's target, and the names of the classes; numbers sort as numbers."""
    missing = column.index[column.isna()]
    if len(missing):
        raise ValueError(
            f"{path}: column '{column.name}' is empty in row {missing[0] + 1}, and in "
            f"{len(missing)} rows in all: each needs a label.{marked}"
        )
    if task == "regression":
        return torch.tensor(to_numbers(column, path), dtype=torch.float32), []
    classes = sorted(column.unique())
    if numeric_columns(column.to_frame(), [str(column.name)]):
        classes = sorted(classes, key=float)
    where, otherwise = f"{path}: column '{column.name}'", "set dataset.task=regression for values"
    return number_classes(column, classes, where, otherwise), [str(name) for name in classes]
