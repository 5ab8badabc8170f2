"""Files of texts: which columns, or keys, count, and what stands there more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kdrun.dataset.cells import Cells, Format, read_cells
from kdrun.dataset.columns import require_columns
from kdrun.dataset.hugging import is_hugging, read_hugging
from kdrun.dataset.json_rows import SUFFIXES, read_json_rows
from kdrun.dataset.spelling import unite
from kdrun.security.bounds import PACKED

if TYPE_CHECKING:
    import pandas as pd


def read_texts(
    path: str,
    named: Mapping[str, str],
    written: Format | None = None,
    votes: bool = False,
    download: bool = False,
) -> Cells:
    """Texts with all that is known of them, without the repetitions within a domain.

    Args:
        path: a CSV file, or objects of JSON (.jsonl, .json); either may be packed (.gz). Or a
            dataset of Hugging Face: a folder, or a name on the hub.
        named: the column, or key, that holds each text, label, domain and group.
        written: how the file is written; None where all of it is to be found.
        votes: whether repetitions stay, with the number of their text in a column `same`.
        download: whether a dataset on the hub is fetched that is not here.

    Returns:
        The columns under those names. The index still counts every row of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a cell empty or no text, or a line no JSON object.
    """
    read = (
        read_hugging(path, download, written, named["label"])
        if is_hugging(path)
        else read_rows(path, written, named.values())
    )
    require_columns(read.table, named.values(), path)
    table = read.table[list(named.values())].set_axis(list(named), axis=1)
    for key, name in named.items():
        _check(table[key], name, path, read)
        table[key] = table[key].astype(str)
    table["label"], alike = unite(table["label"].rename(named["label"]), None)
    read.notes.extend(alike)
    same = _bare(table).ngroup()
    repeated = same.duplicated()
    if votes:
        read.notes.extend(_counted(table, same) if repeated.any() else ())
        return read._replace(table=table.assign(same=same))
    if not repeated.any():
        return read._replace(table=table)
    notes = [*read.notes, f"{repeated.sum()} of {len(table)} texts are repetitions, left out"]
    if torn := int((_bare(table)["label"].nunique() > 1).sum()):
        notes.append(
            f"the labels of {torn} texts disagree where they are repeated: the first counts; "
            "dataset.repeated=distribution learns from all of them"
        )
    parts = None if read.parts is None else read.parts[~repeated]
    return read._replace(table=table[~repeated], notes=notes, parts=parts)


def _counted(table: pd.DataFrame, same: pd.Series[int]) -> Iterator[str]:
    torn = int((_bare(table)["label"].nunique() > 1).sum())
    yield (
        f"{len(table)} labels of {same.nunique()} texts, {torn} of which have several: each is "
        "learnt from, and what is tested counts once, with the label that most gave it"
    )


def read_rows(path: str, written: Format | None = None, wanted: Iterable[str] = ()) -> Cells:
    """Every column of a CSV file, or every key of objects of JSON.

    Args:
        path: of the file; its ending says which it is.
        written: how; None where all of it is to be found.
        wanted: columns that must be there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of these.
    """
    bare = path.lower()
    for packed in PACKED:
        bare = bare.removesuffix(packed)
    if bare.endswith(SUFFIXES):
        return read_json_rows(path, written)
    return read_cells(path, written, list(wanted))


def _check(column: pd.Series[Any], name: str, path: str, read: Cells) -> None:
    """Refuse cells that are empty, or lists and objects of JSON."""
    empty = column.index[column.isna()]
    if len(empty):
        more = f", and in {len(empty)} rows in all" if len(empty) > 1 else ""
        raise ValueError(
            f"{path}: '{name}' is empty in row {empty[0] + 1}{more}: fill or drop that."
            f"{read.marked}"
        )
    nested = column.index[[isinstance(cell, list | dict) for cell in column]]
    if len(nested):
        raise ValueError(
            f"{path}: '{name}' holds {str(column[nested[0]])[:40]} in row {nested[0] + 1}: give "
            "one text or number in each row."
        )


def _bare(table: pd.DataFrame) -> Any:
    """The rows by text, without regard to case and blanks, and by domain."""
    bare = table["text"].str.casefold().str.split().str.join(" ")
    where = ["domain"] if "domain" in table else []
    return table.assign(text=bare).groupby(["text", *where], sort=False)
