"""New rows and texts without labels, prepared as those were that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.arrays import to_inputs
from kdrun.dataset.cells import read_cells
from kdrun.dataset.charset import read_text
from kdrun.dataset.columns import encode, require_columns, to_numbers
from kdrun.dataset.text_file import read_rows
from kdrun.dataset.tokens import Tokens
from kdrun.dataset.words import Words
from kdrun.shape import ROWS
from kdrun.types import Arrays, Input


def rows(path: str, learnt: Mapping[str, Any]) -> Arrays:
    """The rows of a table.

    Args:
        path: a CSV file with the columns that were learnt from; others may stand beside them.
        learnt: `Columns.learnt`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table, a column is missing, or a cell is no number.
    """
    if path.endswith((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".txt")):
        raise ValueError(f"{path}: give a CSV file with a header, as the training rows were.")
    table = read_cells(path).table
    numeric = [column["name"] for column in learnt["numeric"]]
    require_columns(table, [*numeric, *(c["name"] for c in learnt["categorical"])], path)
    table = table.assign(**{name: to_numbers(table[name], path) for name in numeric})
    return _unlabelled(to_inputs(encode(learnt, table), path))


def texts(
    path: str, column: str, words: Mapping[str, Any] | None, tokens: Mapping[str, str] | None
) -> Arrays:
    """Texts as rows of TF-IDF, as tokens, or as both.

    Args:
        path: a file of comma-separated values or of JSON lines, or a .txt with a text in each line.
        column: which column, or key, holds the text.
        words: `Words.learnt`; None for no rows.
        tokens: `Tokens.described`; None for no tokens.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the column is missing, or a text is empty.
    """
    found = _texts(path, column)
    for number, text in enumerate(found, 1):
        if not text.strip():
            raise ValueError(f"{path}: the text of row {number} is empty: fill or drop it.")
    inputs: dict[str, Tensor] = {}
    if words is not None:
        inputs[ROWS] = torch.from_numpy(np.ascontiguousarray(Words.restore(words)(found)))
    if tokens is None:
        return _unlabelled(inputs[ROWS])
    return _unlabelled(inputs | Tokens(tokens)(found))


def _texts(path: str, column: str) -> list[str]:
    if not path.endswith(".txt"):
        table = read_rows(path, wanted=[column]).table
        require_columns(table, [column], path)
        found: list[str] = table[column].fillna("").astype(str).tolist()
        return found
    lines = [line.removesuffix("\r") for line in read_text(path)[0].split("\n")]
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise ValueError(f"{path} holds no texts.")
    return lines


def _unlabelled(inputs: Input) -> Arrays:
    size = len(inputs if isinstance(inputs, Tensor) else next(iter(inputs.values())))
    return Arrays(inputs, torch.full((size,), -1))
