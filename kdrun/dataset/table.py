"""Any CSV file: one column is to be predicted from the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

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
from kdrun.dataset.hugging import is_hugging, read_hugging
from kdrun.dataset.kinds import Kinds, find_kinds
from kdrun.dataset.numerals import styles
from kdrun.dataset.parted import divided
from kdrun.dataset.spelling import check, unite
from kdrun.dataset.spread import spread
from kdrun.dataset.suspects import repeated_rows, say_the_label
from kdrun.types import Arrays, Dataset

if TYPE_CHECKING:
    import pandas as pd


class Meaning(NamedTuple):
    """What a user says of the columns of a table.

    Attributes:
        categorical: columns of numbers that stand for categories.
        decimal: the mark before the fraction of a number; None for what is found.
        thousands: the mark between thousands; None for what is found.
        keep: columns that look like an index or an id, and are to be used.
        dates: how the dates of some columns are written, as strptime says it; None for what is
            found.
        spelling: how classes and categories are compared: `exact`, but for blanks around; `loose`,
            where case does not count and 2, 2.0 and 02 are one; None for the latter alone, where
            classes that differ by case are refused.
    """

    categorical: Sequence[str] | None = None
    decimal: str | None = None
    thousands: str | None = None
    keep: Sequence[str] | None = None
    dates: Mapping[str, str] | None = None
    spelling: Literal["exact", "loose"] | None = None


class Form(NamedTuple):
    """What a model reads of a row.

    Attributes:
        encoding: `onehot` or `ordinal`, of categories.
        impute: what fills missing numbers.
        indicators: whether a column says where a number was missing.
    """

    encoding: Literal["onehot", "ordinal"] = "onehot"
    impute: Literal["mean", "median"] = "mean"
    indicators: bool = True


@spread(form=Form(), meaning=Meaning(), written=Format())
@with_cuts(test_fraction=0.2)
def table(
    path: str,
    label: str,
    task: Literal["classification", "regression"] = "classification",
    drop: Sequence[str] | None = None,
    domain: str | None = None,
    group: str | None = None,
    source: str | None = None,
    target: str | None = None,
    labels: Labels = "all",
    download: bool = False,
    *,
    form: Form,
    meaning: Meaning,
    written: Format,
    cuts: Cuts,
) -> Dataset:
    """Rows of a table with a header, as `Columns` encodes them.

    What a column is, is found by `find_kinds`, of all rows; the rest is learnt from training rows.

    Args:
        path: a CSV file; or a dataset of Hugging Face, a folder or `hf://OWNER/NAME`.
        label: the column to predict.
        task: whether it holds classes or values.
        drop: columns not to use, such as a row's number.
        domain: the column that names each row's domain; None if there is only one.
        group: the column whose rows of one value stay in one split.
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts, or several, `a+b`; None for all rows.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        download: fetch what is not here yet from the hub.
        form: what a model reads; its fields are arguments, as those of the next are.
        meaning: of the columns.
        written: how the file is written.
        cuts: how the data are cut.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column or domain is missing or malformed, or a fraction or size does not fit.
    """
    read = _read(path, label, task, [domain, group], drop or (), meaning, written, download)
    whole = read.samples(group, meaning.spelling)
    homes = _homes(read.cells, domain, source, target, path)
    columns = Columns(read.kinds.numeric, read.kinds.categorical, *form)

    def part(name: str | None, cuts: Cuts) -> Domain:
        train, test, val = divided(of_domain(whole, homes, name), read.parts, cuts)
        return own_classes(Domain(name or "", train, test, read.classes, val))

    data = combine(
        part(target, cuts),
        part(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
        fit=encode_rows(read.kinds.table, columns),
    )
    seen = homes.isin(parts(source)) if labels != "all" else homes.notna()
    data = replace(data, notes=(*read.notes, *read.copies(homes.notna())))
    return read.told(data, columns, seen, meaning, written)


@dataclass(frozen=True)
class _Read:
    """A table as it was understood.

    Attributes:
        cells: every cell as text.
        kinds: what the columns of features are.
        answers: of each row, the name of its class, or its value.
        targets: (N,) their numbers.
        classes: in the order of those.
        features: the columns that are not apart.
        notes: what was assumed, a sentence each.
        parts: the split of each row, where the rows come with theirs.
    """

    cells: pd.DataFrame
    kinds: Kinds
    answers: pd.Series[Any]
    targets: Tensor
    classes: list[str]
    features: list[str]
    notes: list[str]
    parts: pd.Series[str] | None = None

    def samples(self, group: str | None, spelling: str | None) -> Arrays:
        """Every row by its place, with what tells it from others."""
        groups = number_groups(unite(self.cells[group], spelling)[0]) if group else None
        ids = [str(row) for row in self.cells.index]
        marks = row_marks(self.cells[self.features])
        return Arrays(torch.arange(len(self.cells)), self.targets, ids, groups, marks)

    def copies(self, used: pd.Series[bool]) -> Iterable[str]:
        """What is to be said of rows that occur several times, among those that are used."""
        features = [*self.kinds.numeric, *self.kinds.categorical]
        return repeated_rows(self.cells[features][used], self.answers[used])

    def told(
        self,
        data: Dataset,
        columns: Columns,
        seen: pd.Series[bool],
        meaning: Meaning,
        written: Format,
    ) -> Dataset:
        """The data with how new rows are to be read, and what is suspect.

        Args:
            data: as they were cut.
            columns: fitted.
            seen: (N,) rows whose label may be looked at.
            meaning: as it was given.
            written: likewise.
        """
        used = (*self.kinds.numeric, *self.kinds.categorical)
        read_off = {name: self.kinds.table[name][seen] for name in used}
        how = {
            "numbers": {name: list(style) for name, style in self.kinds.styles.items()},
            "dates": self.kinds.dates,
            "spelling": meaning.spelling,
            **written.said,
            "apart": [name for name in self.cells.columns if name not in read_off],
        }
        return replace(
            data,
            columns=columns.names,
            reader={"_target_": "kdrun.dataset.new.rows", "learnt": columns.learnt, "written": how},
            warnings=tuple(say_the_label(read_off, self.answers[seen])),
        )


def _read(
    path: str,
    label: str,
    task: str,
    beside: Sequence[str | None],
    drop: Sequence[str],
    meaning: Meaning,
    written: Format,
    download: bool = False,
) -> _Read:
    """Read a file, and find out what its columns are.

    Args:
        path: of the file.
        label: the column to predict.
        task: whether it holds classes or values.
        beside: columns that say something else of a row; None where nothing does.
        drop: columns not to use.
        meaning: what the user says of the others.
        written: how the file is written.
        download: whether a dataset on the hub is fetched that is not here.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing or malformed, or none is left.
    """
    if task not in ("classification", "regression"):
        hint = nearest(task, ("classification", "regression"))
        raise ValueError(f"dataset.task={task} is not defined; {hint}")
    categorical, decimal, thousands, keep, dates, spelling = meaning
    check(spelling)
    allowed = styles(decimal, thousands)
    apart = {label, *beside, *drop}
    named = (label, *beside, *(categorical or ()), *drop, *(keep or ()), *(dates or ()))
    if is_hugging(path):
        read = read_hugging(path, download, written, label)
    else:
        read = read_cells(path, written, [name for name in named if name])
    cells = read.table
    require_columns(cells, named, path)
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
    notes = [*read.notes, *kinds.notes, *more]
    return _Read(cells, kinds, answers, targets, classes, features, notes, read.parts)


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
