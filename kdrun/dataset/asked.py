"""What is asked of a file of new rows or texts beside its inputs: names, labels, what is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.cells import Format
from kdrun.dataset.columns import require_columns
from kdrun.dataset.numerals import few, read_numbers, styles
from kdrun.dataset.spelling import key

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """How a file of new rows is read; what is None is found, or not wanted.

    Attributes:
        separator: between cells, as in `Format`.
        charset: the encoding of the file.
        decimal: the mark before the fraction of a number.
        thousands: the mark between thousands.
        fill: whether a column that is not there counts as one of missing cells.
        ids: the column that names the rows.
        labels: the column of their labels, so that answers can be scored.
        classes: that labels may be; empty in regression.
        tell: what is done with each sentence about the file.
    """

    separator: str | None = None
    charset: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    fill: bool = False
    ids: str | None = None
    labels: str | None = None
    classes: Sequence[str] = ()
    tell: Callable[[str], None] = log.warning

    def format(self, written: Mapping[str, Any]) -> Format:
        """How the file is written, where the training file had marks of its own."""
        marks = (tuple(written.get(name) or ()) for name in ("missing", "not_missing"))
        return Format(self.separator, self.charset, *marks)

    def names(self, table: pd.DataFrame, path: str) -> list[str]:
        """What the rows are called: the cells of a column, or their number in the file."""
        if self.ids is None:
            return [str(row) for row in table.index]
        require_columns(table, [self.ids], path)
        return [str(cell).strip() for cell in table[self.ids].fillna("")]

    def targets(self, table: pd.DataFrame, written: Mapping[str, Any], path: str) -> Tensor:
        """(N,) int64 classes, -1 where none is known; or float32 values, NaN likewise.

        Raises:
            ValueError: no row has a label that the student knows.
        """
        if self.labels is None:
            return torch.full((len(table),), -1)
        require_columns(table, [self.labels], path)
        column, spelling = table[self.labels], written.get("spelling")
        if not self.classes:
            found = read_numbers(table, [self.labels], styles(self.decimal, self.thousands))
            values = found[self.labels].values if found else np.full(len(table), np.nan)
            known, targets = ~np.isnan(values), torch.tensor(values, dtype=torch.float32)
        else:
            numbers = {key(name, spelling): number for number, name in enumerate(self.classes)}
            classes = column.map(lambda cell: numbers.get(key(str(cell), spelling), -1))
            targets = torch.tensor(classes.where(column.notna(), -1).to_numpy(np.int64))
            known = (targets >= 0).numpy()
        odd = Counter(column[~known].fillna("").astype(str))
        if not known.any():
            what = f"a class of the student ({few(self.classes)})" if self.classes else "a number"
            raise ValueError(f"{path}: none of {len(table)} cells of '{self.labels}' is {what}.")
        if odd:
            self.tell(
                f"{odd.total():,} rows have no label that is known, and are not scored: "
                f"{few([repr(cell) for cell in odd])}"
            )
        return targets
