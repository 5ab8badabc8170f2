"""Heart disease at four hospitals: a small table full of holes, and strong label shift."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from kdrun.dataset.cells import read_table
from kdrun.dataset.columns import Columns, encode_rows, require_columns, row_marks, to_numbers
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import Domain, Labels, check_names, combine, of_domain, parts
from kdrun.types import Arrays, Dataset

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = ("age", "sex", "trestbps", "chol", "fbs", "thalach", "exang", "oldpeak", "ca")
NOMINAL = ("cp", "restecg", "slope", "thal")
NEVER_ZERO = ("trestbps", "chol")
"""Blood pressure and cholesterol, which some hospitals wrote as 0 where they were not taken."""


@with_cuts(test_fraction=0.3)
def heart(
    root: str,
    source: str | None = "cleveland",
    target: str = "hungarian",
    labels: Labels = "all",
    impute: Literal["mean", "median"] = "mean",
    indicators: bool = True,
    *,
    cuts: Cuts,
) -> Dataset:
    """13 findings of 920 patients, with or without a narrowed vessel, at four hospitals.

    Means, deviations, categories and what fills missing cells are learnt from the training rows of
    the source. A patient is called DOMAIN/ROW, whatever the other domain is. Detrano et al., 1989. https://archive.ics.uci.edu/dataset/45/heart+disease

    Args:
        root: the folder of the files `processed.NAME.data`, with a header; NAME is a domain.
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts. Several may be joined by `+`, of either.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        impute: what fills missing numbers.
        indicators: whether a column says where a number was missing.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there are no such files.
        ValueError: no such domain, a malformed table, or a fraction or size does not fit.
    """
    import pandas as pd

    files = {path.name.split(".")[1]: path for path in Path(root).glob("processed.*.data")}
    if not files:
        raise FileNotFoundError(f"there are no files processed.NAME.data in dataset.root={root}.")
    check_names(source, target, sorted(files))
    names = [*parts(source), *parts(target)]
    table = pd.concat([_read(files[name]) for name in names], keys=names, names=["domain", "row"])
    sick = torch.from_numpy((to_numbers(table["target"], root) > 0).astype("int64"))
    ids = [f"{name}/{row}" for name, row in table.index]
    marks = row_marks(table[[*NUMERIC, *NOMINAL]])
    everybody = Arrays(torch.arange(len(table)), sick, ids, marks=marks)
    homes = table.index.get_level_values("domain")

    def domain(name: str, cuts: Cuts) -> Domain:
        own = of_domain(everybody, homes, name)
        return Domain(name, *cuts.divide(own), ["healthy", "sick"])

    columns = Columns(NUMERIC, NOMINAL, impute=impute, indicators=indicators)
    data = combine(
        domain(target, cuts),
        domain(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
        fit=encode_rows(table, columns),
    )
    return replace(data, columns=columns.names)


def _read(path: Path) -> pd.DataFrame:
    """One hospital's patients; categories are numbers, which the hospitals write differently."""
    table = read_table(path)
    require_columns(table, (*NUMERIC, *NOMINAL, "target"), path)
    for name in (*NUMERIC, *NOMINAL):
        table[name] = to_numbers(table[name], path)
    for name in NEVER_ZERO:
        table[name] = table[name].replace(0, None)
    return table
