"""Prompts and completions in files: columns of a table, keys of JSON, or lines of two files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kdrun.config.nearest import nearest
from kdrun.dataset.cells import Format
from kdrun.dataset.charset import read_text
from kdrun.dataset.columns import require_columns
from kdrun.dataset.text_file import read_rows
from kdrun.security.bounds import PACKED

PARTS = {"train": ("train",), "val": ("val", "dev"), "test": ("test",)}
"""How the names of a folder's files begin, by the split that they are."""


class Pairs(NamedTuple):
    """Texts, one after another.

    Attributes:
        prompts: to be completed.
        completions: theirs.
        names: of each pair, for messages: its row or line in the file.
        notes: what was assumed when they were read.
    """

    prompts: list[str]
    completions: list[str]
    names: list[str]
    notes: tuple[str, ...] = ()


def read_pairs(path: str, prompt: str, completion: str, charset: str = "utf-8") -> dict[str, Pairs]:
    """The pairs of a file, as `train`; or those of a folder, by split.

    Args:
        path: a table (.csv, .tsv), objects of JSON (.jsonl, .json); or a folder with two files for
            each split, line for line, such as train.en and train.de. All may be packed (.gz).
        prompt: the column or key of the prompts; of a folder, how the names of their files end.
        completion: likewise.
        charset: the encoding of the files.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a text is empty, or two files have not as many lines.
    """
    if Path(path).is_dir():
        found = _of_folder(Path(path), prompt, completion, charset)
    else:
        found = {"train": _of_table(path, prompt, completion, charset)}
    for part in found.values():
        _check(part)
    return found


def _of_table(path: str, prompt: str, completion: str, charset: str) -> Pairs:
    read = read_rows(path, Format(charset=charset), [prompt, completion])
    require_columns(read.table, [prompt, completion], path)
    columns = (read.table[name] for name in (prompt, completion))
    prompts, answers = ([str(cell) for cell in one.fillna("")] for one in columns)
    names = [f"{path}, row {row + 1}" for row in read.table.index]
    return Pairs(prompts, answers, names, tuple(read.notes))


def _of_folder(folder: Path, prompt: str, completion: str, charset: str) -> dict[str, Pairs]:
    found = {}
    for part, begins in PARTS.items():
        files = [_file(folder, begins, end) for end in (prompt, completion)]
        if None in files:
            if part == "train":
                raise FileNotFoundError(_missing(folder, prompt, completion))
            continue
        one, other = (_lines(file, charset) for file in files if file is not None)
        if len(one) != len(other):
            raise ValueError(
                f"{files[0]} has {len(one)} lines and {files[1]} {len(other)}: line for line they "
                "must belong together"
            )
        names = [f"{files[0]}, line {number}" for number in range(1, len(one) + 1)]
        found[part] = Pairs(one, other, names)
    return found


def _file(folder: Path, begins: Sequence[str], end: str) -> Path | None:
    """The one file whose name begins and ends so."""
    names = {path: _bare(path.name) for path in sorted(folder.iterdir()) if path.is_file()}
    found = [p for p, name in names.items() if name.startswith((*begins,)) and _ends(name) == end]
    if len(found) > 1:
        told = ", ".join(path.name for path in found)
        raise ValueError(f"{folder} has {told}: leave one of them in a folder")
    return found[0] if found else None


def _missing(folder: Path, prompt: str, completion: str) -> str:
    ends = sorted({_ends(_bare(path.name)) for path in folder.iterdir() if path.is_file()})
    wrong = [end for end in (prompt, completion) if end not in ends]
    hint = f"; {nearest(wrong[0], ends)}" if wrong and ends else ""
    return (
        f"{folder} has no train.{prompt} and train.{completion}, line for line: name the endings "
        f"by dataset.prompt and dataset.completion{hint}"
    )


def _bare(name: str) -> str:
    for packed in PACKED:
        name = name.removesuffix(packed)
    return name


def _ends(name: str) -> str:
    return name.rpartition(".")[2]


def _lines(path: Path, charset: str) -> list[str]:
    lines = [line.removesuffix("\r") for line in read_text(path, charset)[0].split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def _check(pairs: Pairs) -> None:
    for what, texts in (("prompt", pairs.prompts), ("completion", pairs.completions)):
        empty = [place for place, text in enumerate(texts) if not text.strip()]
        if empty:
            more = f", and {len(empty)} in all" if len(empty) > 1 else ""
            raise ValueError(
                f"{pairs.names[empty[0]]}: the {what} is empty{more}: fill or drop that."
            )
