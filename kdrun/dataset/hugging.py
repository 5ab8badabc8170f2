"""Datasets of Hugging Face: a folder that `save_to_disk` wrote, data files, or a name on the hub.

They are data. Code that comes with one is neither fetched nor run, which `datasets` does no more
since its version 4, and what its page says of files elsewhere is refused.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kdrun.dataset.cells import Cells, Format
from kdrun.hub.place import folder, is_place, parse, reason

if TYPE_CHECKING:
    import pandas as pd

VALIDATION = ("validation", "valid", "val", "dev")
"""What a validation split may be called."""

SAVED = ("dataset_dict.json", "state.json")
"""What `save_to_disk` writes into a folder of several splits, and of one."""

UNLABELLED = -1
"""Where the hub keeps the labels of a test split for itself."""


class Opened(NamedTuple):
    """A dataset, memory-mapped.

    Attributes:
        parts: of `datasets`, by `train`, `val` and `test`; a test split only where it comes with
            the data.
        notes: what it is, and what of it is not read.
        root: the folder that it lies in.
    """

    parts: dict[str, Any]
    notes: list[str]
    root: Path


def is_hugging(path: str) -> bool:
    """Whether this is a name on the hub, or a folder, which no file of a table is."""
    return is_place(path) or Path(path).is_dir()


def library() -> Any:
    """The module `datasets`: a second, which runs without it need not wait for.

    Raises:
        ValueError: it is not installed; the message names the extra.
    """
    try:
        import datasets
    except ImportError as error:
        raise ValueError("datasets of Hugging Face need: pip install 'kdrun[hub]'") from error
    import sys

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


def open_dataset(path: str, download: bool, label: str | None = None) -> Opened:
    """The splits of a dataset.

    Args:
        path: of a folder, or a name on the hub.
        download: whether a name that is not here yet is fetched.
        label: a column; a test split whose labels are hidden is left out, and told.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it is none, has no training split, or is not here.
    """
    notes, subset = [], None
    if is_place(path):
        subset = parse(path, "dataset").subset
        fetched = folder(path, "dataset", download)
        root = fetched.folder
        notes.append(f"{path} is commit {fetched.commit[:12]}")
    elif not (root := Path(path)).is_dir():
        raise FileNotFoundError(f"there is no folder dataset.path={path} ({root.resolve()})")
    splits = _splits(path, root, subset)
    named = {name.lower(): name for name in splits}
    if len(splits) == 1:
        named = {"train": next(iter(splits))}
    if "train" not in named:
        raise ValueError(f"{path} has the splits {', '.join(splits)}, and none called train")
    found = {"train": splits[named["train"]]}
    val = [named[name] for name in VALIDATION if name in named]
    found |= {"val": splits[val[0]]} if val else {}
    if "test" in named:
        test = splits[named["test"]]
        if label in test.column_names and _hidden(test, str(label)):
            notes.append("the labels of its test split are hidden, so it is not read")
        else:
            found["test"] = test
    read = {named["train"], *val[:1], named.get("test")}
    if left := [name for name in splits if name not in read]:
        notes.append(f"splits that are not read: {', '.join(left)}")
    if val:
        notes.append(f"{val[0]} is the validation split")
    if "test" not in found:
        notes.append("a part of train is the test split, chosen by dataset.split_seed")
    return Opened(found, notes, root)


def _splits(path: str, root: Path, subset: str | None) -> dict[str, Any]:
    """The splits by the names that they have there."""
    datasets = library()
    try:
        if saved := [name for name in SAVED if (root / name).is_file()]:
            found = datasets.load_from_disk(str(root))
            parts = dict(found) if saved[0] == SAVED[0] else {"train": found}
            for file in (one["filename"] for part in parts.values() for one in part.cache_files):
                refuse_outside(file, root)
            return parts
        _refuse_addresses(root)
        return dict(datasets.load_dataset(str(root.resolve()), subset))
    except Exception as error:  # of many classes, of datasets and of pyarrow
        raise ValueError(f"{path} is no dataset that can be read: {reason(error)}") from error


def refuse_outside(file: str, root: Path) -> None:
    """Refuse a file that a dataset names and that lies elsewhere; links in it may lead out.

    Raises:
        ValueError: it does.
    """
    if not Path(os.path.abspath(file)).is_relative_to(os.path.abspath(root)):
        raise ValueError(f"{root} names {file:.80}, which does not lie in it")


def _refuse_addresses(root: Path) -> None:
    """Refuse a page that names files elsewhere: `datasets` would fetch them.

    Raises:
        ValueError: with the first one.
    """
    import yaml

    for name in ("README.md", ".huggingface.yaml"):
        if not (root / name).is_file():
            continue
        text = (root / name).read_text("utf-8", "replace")
        if name == "README.md":
            head = re.match(r"---\n(.*?)\n---", text, re.S)
            text = head[1] if head else ""
        told = yaml.safe_load(text)
        for word in _words(told.get("configs") if isinstance(told, dict) else None):
            if "://" in word or word.startswith(("/", "~")) or ".." in Path(word).parts:
                raise ValueError(f"its {name} names {word:.80}, which does not lie in it")


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _hidden(part: Any, label: str) -> bool:
    """Whether no sample of a split has a label."""
    values = part.with_format(None).data.column(label).unique().to_pylist()
    return all(value in (None, UNLABELLED) for value in values)


def read_hugging(path: str, download: bool, written: Format | None, label: str) -> Cells:
    """Every column as cells of text, as of a CSV file, with the split of each row.

    Args:
        path: as for `open_dataset`, as is the next.
        download: likewise.
        written: which cells are missing, beside those that are null.
        label: the column of the labels.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it cannot be read.
    """
    import numpy as np
    import pandas as pd

    found = open_dataset(path, download, label)
    notes = list(found.notes)
    tables, homes = [], []
    for name, part in found.parts.items():
        if name == "train":
            left = [c for c, kind in part.features.items() if not _is_plain(kind)]
            if left:
                notes.append(f"columns that are no text and no number: {', '.join(left)}")
        tables.append(
            pd.DataFrame({c: _cells(part, c) for c in part.column_names if c not in left})
        )
        homes += [name] * len(part)
    table = pd.concat(tables, ignore_index=True)
    marks = {"", *(str(mark).strip() for mark in (written or Format()).missing or ())}
    table = table.mask(table.apply(lambda column: column.str.strip().isin(marks)), np.nan)
    return Cells(table, notes, Counter(), pd.Series(homes))


def _is_plain(feature: Any) -> bool:
    """Whether a column holds one text, number or class in each row."""
    datasets = library()
    if isinstance(feature, datasets.ClassLabel):
        return True
    kind = getattr(feature, "dtype", "")
    plain = ("string", "large_string", "bool", "int", "uint", "float", "date", "timestamp")
    return isinstance(feature, datasets.Value) and str(kind).startswith(plain)


def _cells(part: Any, column: str) -> pd.Series[Any]:
    """A column as text; nulls, and classes of number -1, as NaN."""
    import numpy as np
    import pandas as pd

    feature, values = part.features[column], part.with_format(None).data.column(column).to_pylist()
    names = getattr(feature, "names", None)
    if names is not None:
        values = [None if v is None or v < 0 else names[v] for v in values]
    if getattr(feature, "dtype", "") in ("float16", "float32"):  # 0.1, and not 0.10000000149
        values = [None if v is None else np.dtype(feature.dtype).type(v) for v in values]
    texts = [np.nan if v is None or v != v else str(v) for v in values]
    return pd.Series(texts, dtype=object)
