"""Any CSV file: one column is to be predicted from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch

from kdrun.config.instantiate import nearest
from kdrun.dataset.answers import number_answers, read_answers
from kdrun.dataset.cells import Format, read_cells
from kdrun.dataset.columns import Columns, encode_rows, require_columns, row_marks
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import (
    Domain,
    Labels,
    check_names,
    combine,
    number_groups,
    of_domain,
    own_classes,
    parts,
)
from kdrun.dataset.kinds import find_kinds
from kdrun.dataset.numerals import styles
from kdrun.dataset.spelling import check, unite
from kdrun.dataset.suspects import repeated_rows, say_the_label
from kdrun.types import Arrays, Dataset

if TYPE_CHECKING:
    import pandas as pd


@with_cuts(test_fraction=0.2)
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
    separator: str | None = None,
    charset: str | None = None,
    missing: Sequence[str] | None = None,
    not_missing: Sequence[str] | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    keep: Sequence[str] | None = None,
    dates: Mapping[str, str] | None = None,
    spelling: Literal["exact", "loose"] | None = None,
    *,
    cuts: Cuts,
) -> Dataset:
    """Rows of a table with a header, as `Columns` encodes them.

    What is a number, a category or a date is found by `find_kinds`, of all rows. All that is learnt
    (means, deviations, categories) is learnt from the training rows, those of the source if there
    is one.

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
        separator: between cells, `tab`, `semicolon` or a character; None for what is found.
        charset: the encoding of the file; None for what is found.
        missing: marks of missing cells beside the usual ones.
        not_missing: usual marks that are values here.
        decimal: the mark before the fraction of a number; None for what is found.
        thousands: the mark between thousands; None for what is found.
        keep: columns that look like an index or an id, and are to be used.
        dates: how the dates of some columns are written, as strptime says it; None for what is
            found.
        spelling: how classes and categories are compared: `exact`, but for blanks around; `loose`,
            where case does not count and 2, 2.0 and 02 are one; None for the latter alone, where
            classes that differ by case are refused.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column or domain is missing or malformed, or a fraction or size does not fit.
    """
    if task not in ("classification", "regression"):
        hint = nearest(task, ("classification", "regression"))
        raise ValueError(f"dataset.task={task} is not defined; {hint}")
    check(spelling)
    allowed = styles(decimal, thousands)
    written = Format(separator, charset, tuple(missing or ()), tuple(not_missing or ()))
    choices = (categorical, drop, keep, list(dates or ()))
    named = (label, domain, group, *(name for names in choices for name in names or ()))
    read = read_cells(path, written, [name for name in named if name])
    cells = read.table
    require_columns(cells, named, path)
    apart = {label, domain, group, *(drop or ())}
    features = [name for name in cells.columns if name not in apart]
    try:
        kinds = find_kinds(cells, features, categorical or (), keep or (), allowed, dates, spelling)
        answers, more = read_answers(cells[label], task, allowed, spelling, read.marked)
    except ValueError as fault:
        raise ValueError(f"{path}: {fault}") from fault
    if not kinds.numeric and not kinds.categorical:
        raise ValueError(
            f"{path}: no column is left to predict '{label}' from. {'. '.join(kinds.notes)}"
        )
    targets, classes = number_answers(answers, task, path)
    groups = number_groups(unite(cells[group], spelling)[0]) if group else None
    homes = _homes(cells, domain, source, target, path)

    ids = [str(row) for row in cells.index]
    whole = Arrays(torch.arange(len(cells)), targets, ids, groups, row_marks(cells[features]))

    def part(name: str | None, cuts: Cuts) -> Domain:
        own = of_domain(whole, homes, name)
        return own_classes(Domain(name or "", *cuts.divide(own), classes))

    columns = Columns(kinds.numeric, kinds.categorical, encoding, impute, indicators)
    data = combine(
        part(target, cuts),
        part(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
        fit=encode_rows(kinds.table, columns),
    )
    seen = homes.isin(parts(source)) if labels != "all" else homes.notna()
    read_off = {name: kinds.table[name][seen] for name in (*kinds.numeric, *kinds.categorical)}
    copies = repeated_rows(cells[list(read_off)][homes.notna()], answers[homes.notna()])
    how = {
        "numbers": {name: list(style) for name, style in kinds.styles.items()},
        "dates": kinds.dates,
        "spelling": spelling,
        "missing": list(missing or ()),
        "not_missing": list(not_missing or ()),
        "apart": [name for name in cells.columns if name not in read_off],
    }
    return replace(
        data,
        columns=columns.names,
        reader={"_target_": "kdrun.dataset.new.rows", "learnt": columns.learnt, "written": how},
        notes=(*read.notes, *kinds.notes, *more, *copies),
        warnings=tuple(say_the_label(read_off, answers[seen])),
    )


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
    homes = cells[domain].str.strip()
    names = sorted(homes.dropna().unique())
    if target is not None:
        check_names(source, target, names)
    return homes
