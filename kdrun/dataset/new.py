"""New rows and texts without labels, prepared as those were that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.arrays import to_inputs
from kdrun.dataset.asked import Asked
from kdrun.dataset.bpe import encoded, restored
from kdrun.dataset.cells import read_cells
from kdrun.dataset.charset import read_text
from kdrun.dataset.columns import encode, require_columns
from kdrun.dataset.familiar import known_cells
from kdrun.dataset.layout import Layout
from kdrun.dataset.numerals import few
from kdrun.dataset.text_file import read_rows
from kdrun.dataset.tokens import Tokens
from kdrun.dataset.words import Words
from kdrun.sample import ROWS
from kdrun.task.generation import Generation
from kdrun.types import Arrays, Input

if TYPE_CHECKING:
    import pandas as pd


def rows(
    path: str,
    learnt: Mapping[str, Any],
    written: Mapping[str, Any] | None = None,
    asked: Asked | None = None,
) -> Arrays:
    """The rows of a table.

    What the student has not seen in training is told by its count: a category, a missing number
    where none was missing, a column beside those that it reads.

    Args:
        path: a CSV file with the columns that were learnt from; others may stand beside them.
        learnt: `Columns.learnt`.
        written: of the training file: the `numbers` of each column, as decimal and thousands mark;
            the format of its `dates`; the `spelling` of its categories, and which cells were
            `missing` and `not_missing` beside the usual; what the columns `apart` were.
        asked: of this file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table, a column is missing, or a cell is no number.
    """
    if path.endswith((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".txt")):
        raise ValueError(f"{path}: give a CSV file with a header, as the training rows were.")
    written, asked = written or {}, asked or Asked()
    needed = [column["name"] for kind in ("numeric", "categorical") for column in learnt[kind]]
    read = read_cells(path, asked.format(written), () if asked.fill else needed)
    for note in read.notes:
        asked.tell(note)
    table = read.table
    lacking = [name for name in needed if name not in table.columns]
    if asked.fill and lacking:
        if len(lacking) == len(needed):
            raise ValueError(f"{path} has none of the columns that the student reads: {needed}")
        asked.tell(f"columns that are not there count as missing: {few(lacking)}")
        table = table.assign(**dict.fromkeys(lacking, np.nan))
    require_columns(table, needed, path)
    apart = {*needed, *(written.get("apart") or ()), asked.ids, asked.labels}
    if beside := [name for name in table.columns if name not in apart]:
        asked.tell(f"columns that the student does not read: {few(beside)}")
    try:
        known = known_cells(table, learnt, written, asked)
    except ValueError as fault:
        raise ValueError(f"{path}: {fault}") from fault
    inputs = to_inputs(encode(learnt, known), path)
    return Arrays(inputs, asked.targets(table, written, path), asked.names(table, path))


def texts(
    path: str,
    column: str,
    words: Mapping[str, Any] | None,
    tokens: Mapping[str, str] | None,
    written: Mapping[str, Any] | None = None,
    asked: Asked | None = None,
) -> Arrays:
    """Texts as rows of TF-IDF, as tokens, or as both.

    Args:
        path: a file of comma-separated values or of JSON lines, or a .txt with a text in each line.
        column: which column, or key, holds the text.
        words: `Words.learnt`; None for no rows.
        tokens: `Tokens.described`; None for no tokens.
        written: of the training file: the `spelling` of its labels, and which cells were `missing`
            and `not_missing` beside the usual.
        asked: of this file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the column is missing, or a text is empty.
    """
    written, asked = written or {}, asked or Asked()
    table = _table(path, column, written, asked)
    found: list[str] = table[column].fillna("").astype(str).tolist()
    for row, text in zip(table.index, found, strict=True):
        if not text.strip():
            raise ValueError(f"{path}: the text of row {row + 1} is empty: fill or drop it.")
    inputs: dict[str, Tensor] = {}
    if words is not None:
        inputs[ROWS] = torch.from_numpy(np.ascontiguousarray(Words.restore(words)(found)))
    read: Input = inputs[ROWS] if tokens is None else inputs | Tokens(tokens)(found)
    return Arrays(read, asked.targets(table, written, path), asked.names(table, path))


def prompts(
    path: str,
    column: str,
    tokenizer: str,
    layout: Mapping[str, Any] | None,
    length: int,
    asked: Asked | None = None,
    chat: Mapping[str, Any] | None = None,
) -> Arrays:
    """Texts that a language model is to complete.

    Args:
        path: a file of comma-separated values or of JSON lines, or a .txt with a text in each line.
        column: which column, or key, holds the text.
        tokenizer: that the model was trained with, as JSON.
        layout: `Layout.described`; None where a text is gone on with as it stands.
        length: tokens that the model reads at once.
        asked: of this file.
        chat: `Chat.described`, by which each text is what a user says; None for texts as they are.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the column is missing, a text is empty or too long, or labels are asked for.
    """
    asked = asked or Asked()
    if asked.labels is not None:
        raise ValueError("completions are not scored against labels: leave --labels")
    if asked.charset is None:
        asked = asked._replace(charset="utf-8")
    table = _table(path, column, {}, asked)
    given = table[column].fillna("").astype(str).tolist()
    if chat is not None:
        from kdrun.dataset.chat import Chat

        said = Chat.restore(chat)
        given = [said.asked([{"role": "user", "content": t}], path) if t else t for t in given]
    found = encoded(restored(tokenizer), given)
    laid = Layout("joined", 0) if layout is None else Layout.restore(layout)
    for row, tokens in zip(table.index, found, strict=True):
        if not tokens:
            raise ValueError(f"{path}: the text of row {row + 1} is empty: fill or drop it.")
        if (room := laid.room(tokens, ())) > length:
            raise ValueError(
                f"{path}: the text of row {row + 1} takes {room} tokens, and the model reads "
                f"{length}: cut it."
            )
    inputs, targets = laid.opened(found)
    return Arrays(inputs, targets, asked.names(table, path), task=Generation())


def _table(path: str, column: str, written: Mapping[str, Any], asked: Asked) -> pd.DataFrame:
    """The rows of a file of texts; of a .txt, the one column of its lines."""
    if path.endswith(".txt"):
        import pandas as pd

        lines = [line.removesuffix("\r") for line in read_text(path, asked.charset)[0].split("\n")]
        if lines[-1] == "":
            lines.pop()
        if not lines:
            raise ValueError(f"{path} holds no texts.")
        return pd.DataFrame({column: lines})
    read = read_rows(path, asked.format(written), [column])
    for note in read.notes:
        asked.tell(note)
    require_columns(read.table, [column], path)
    return read.table
