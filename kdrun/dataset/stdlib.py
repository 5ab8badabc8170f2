"""Python's own standard library as a corpus of code and prose: there wherever kdrun runs."""

from __future__ import annotations

import hashlib
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.pieces import divided, pieces
from kdrun.types import Dataset

BESIDE = (
    *("site-packages", "dist-packages", "__pycache__", "lib-dynload"),
    *("test", "tests", "idle_test", "encodings", "pydoc_data", "lib2to3"),
)
"""Folders that are no part of the corpus: what was installed, tests, and tables written by a
program."""


@with_cuts(test_fraction=0.1)
def stdlib(
    version: str,
    length: int = 128,
    vocabulary: int = 1024,
    tokenizer: str | None = None,
    documents: int | None = None,
    packed: bool = False,
    *,
    cuts: Cuts,
) -> Dataset:
    """The modules of Python's standard library as pieces of equal length; each lies in one part.

    The modules are put into an order by `split_seed` alone; the last of them are for testing, and
    those before them for validation, as far as the fractions go in letters.

    Args:
        version: of Python, whose library it is: that of the one that runs.
        length: tokens that a model reads at once.
        vocabulary: tokens of the tokenizer that is trained on the training part.
        tokenizer: a folder or a name on the hub; None to train one.
        documents: how many modules are used, of that order the first; None for all.
        packed: put short pieces for training together in rows; none sees another.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: this Python came without the source of its library.
        ValueError: another version runs, or too little is left.
    """
    running = platform.python_version()
    if version != running:
        raise ValueError(
            f"dataset.version={version}: the library on this disk is of Python {running}; run "
            f"kdrun with Python {version}, or leave that key out"
        )
    if documents is not None and documents < 3:
        raise ValueError(f"dataset.documents={documents}: give 3 or more, to cut them in three.")
    found = dict(_modules(Path(sysconfig.get_paths()["stdlib"])))
    names = sorted(found)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(cuts.split_seed))
    chosen = [names[place] for place in order.tolist()][:documents]
    where = f"the standard library of Python {running}"
    parts = divided([found[name] for name in chosen], cuts, where)
    told = hashlib.sha256()
    for name in sorted(chosen):
        told.update(f"{name}\0{found[name]}\0".encode())
    count = f"{where}: {len(chosen)} modules, SHA-256 {told.hexdigest()[:16]}"
    made = pieces(parts, length, vocabulary, tokenizer, cuts, where, packed)
    return replace(made, notes=(count, *made.notes))


def _modules(root: Path) -> Iterator[tuple[str, str]]:
    """The path below its root, and the text, of each module that is written by people.

    Raises:
        FileNotFoundError: there is none.
    """
    count = 0
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if any(part in BESIDE for part in name.parts):
            continue
        text = file.read_text("utf-8")
        if text.strip():
            count += 1
            yield name.as_posix(), text
    if not count:
        raise FileNotFoundError(f"{root} holds no source: this Python came without its library's.")
