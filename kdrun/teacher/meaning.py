"""What the rows of a table of decisions say of the classes of a dataset."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.teacher.classes import UNKNOWN, few, name_classes
from kdrun.teacher.decisions import Table
from kdrun.teacher.spelling import as_known, from_one

log = logging.getLogger(__name__)


def logits(table: Table, classes: Sequence[str]) -> Tensor | None:
    """(R, C) logits exactly as they were written; None where rows say something else.

    A class that the table does not know is `UNKNOWN`.
    """
    if table.kind != "logits":
        return None
    return _by_name(torch.from_numpy(table.values).float(), table.classes, classes, UNKNOWN)


def probabilities(table: Table, classes: Sequence[str]) -> Tensor:
    """(R, C) float64 probabilities; nan for a class that the table does not know.

    Args:
        table: as it was read.
        classes: of the data, in their order.

    Raises:
        ValueError: unknown labels, or probabilities that are none; the message names the row.
    """
    if table.kind == "label":
        return _of_labels(table, classes)
    if "confidence" in table.columns:
        raise ValueError(f"confidence is for labels; {table.kind} say how sure they are")
    values = torch.from_numpy(table.values).double()
    if table.kind == "probabilities":
        _check_sums(table, values)
    else:
        values = values.softmax(dim=1)
    known = _by_name(values, table.classes, classes, math.nan)
    return known / known.nansum(dim=1, keepdim=True).clamp(min=1e-12)


def _check_sums(table: Table, values: Tensor) -> None:
    outside = ((values < 0) | (values > 1)).any(1).nonzero()
    if len(outside):
        sums = values.sum(1)
        percent = bool((values >= 0).all()) and bool(((sums > 99) & (sums < 101)).all())
        hint = ": they are percentages, so divide them by 100" if percent else ""
        if bool((values <= 0).all()):
            hint = ": logarithms belong in columns logit_NAME"
        raise ValueError(
            f"probabilities of row {table.row[outside[0, 0]]} lie outside 0 to 1{hint}"
        )
    wrong = ((values.sum(1) - 1).abs() > 1e-3).nonzero()
    if len(wrong):
        first = int(wrong[0, 0])
        raise ValueError(
            f"probabilities of row {table.row[first]} sum to {values[first].sum():.4g}, not to "
            f"one, and so it is in {len(wrong)} rows: write them with more digits, or divide each "
            "row by its sum; logits belong in columns logit_NAME"
        )


def _by_name(
    values: Tensor, known: Sequence[str] | None, wanted: Sequence[str], unknown: float
) -> Tensor:
    """(R, K) values as (R, C): columns in the order of the data's classes."""
    names = name_classes(values.shape[1] if known is None else known, wanted)
    nothing = values.new_full((len(values),), unknown)
    columns = {name: values[:, i] for i, name in enumerate(names)}
    if len(columns) < len(names):
        raise ValueError(f"two columns are of one class, among {', '.join(map(str, known or ()))}")
    if others := [name for name in names if name not in wanted]:
        log.info("no class of the data, and left out: %s", few(others))
    return torch.stack([columns.get(name, nothing) for name in wanted], dim=1)


def _of_labels(table: Table, classes: Sequence[str]) -> Tensor:
    """The chosen class has the confidence, the others share the rest."""
    labels, count = table.text("label"), len(classes)
    assert labels is not None
    position = {name: i for i, name in enumerate(classes)}
    labels = as_known(labels, classes)
    if not set(labels) & position.keys():  # numbers of classes that have names
        position = {str(i): i for i in range(count)}
        labels = as_known(labels, position)
    first = from_one(labels, count) and str(count) not in position
    for row, label in zip(table.row, labels, strict=True):
        if label not in position:
            hint = nearest(label, classes)
            if first:
                hint = f"labels seem to count the {count} classes from 1: subtract 1"
            raise ValueError(f"label of row {row} is '{label}'; {hint}")
    sure = table.numbers("confidence", 1.0)
    wrong = np.flatnonzero(~((sure <= 1) & (sure >= 1 / count)))
    if len(wrong):
        percent = 1 < np.nanmax(sure) <= 100 and np.nanmin(sure) >= 0
        hint = "; divide percentages by 100" if percent else ""
        raise ValueError(
            f"confidence of row {table.row[wrong[0]]} is {sure[wrong[0]]:.4g}: of {count} classes, "
            f"the chosen one has between {1 / count:.4g} and 1{hint}"
        )
    chosen = torch.from_numpy(sure)
    said = ((1 - chosen) / (count - 1))[:, None].repeat(1, count)
    said[torch.arange(len(labels)), [position[label] for label in labels]] = chosen
    return said
