"""What is wrong with domains and their data is told in one message, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Told

TRANSFER = ("method=transfer", "transfer=pca_mapping", "transfer.n_components=2")
TABLE = ("dataset=table", "dataset.path=t.csv", "dataset.label=y", "dataset.domain=town")
TEXT = ("dataset=text", "dataset.path=t.jsonl", "dataset.source=a", "dataset.target=b")
OFFICE = ("dataset=office_caltech", "dataset.path=d.npz", "dataset.source=a", "dataset.target=b")
PAIR = ("dataset.source=Ulm", "dataset.target=Bonn")


def write_table(change: Callable[[list[dict[str, object]]], None] = lambda rows: None) -> None:
    rows: list[dict[str, object]] = [
        {"p": i % 7, "q": i % 5, "y": "no" if i % 3 else "yes", "town": "Ulm" if i < 40 else "Bonn"}
        for i in range(80)
    ]
    change(rows)
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    Path("t.csv").write_text("\n".join(lines))


def other_labels(rows: list[dict[str, object]]) -> None:
    for row in rows[40:]:
        row["y"] = {"no": "nein", "yes": "ja"}[str(row["y"])]


def one_label(rows: list[dict[str, object]]) -> None:
    for row in rows[:40]:
        row["y"] = "no"


def infinite(rows: list[dict[str, object]]) -> None:
    rows[7]["p"] = "inf"


def write_texts(empty: int = 80) -> None:
    with Path("t.jsonl").open("w") as file:
        for i in range(80):
            text = "  " if i == empty else f"word{i % 9} word{i % 4}"
            print(
                json.dumps({"text": text, "label": i % 2, "domain": "ab"[i % 2 ^ i // 40]}),
                file=file,
            )


def write_arrays(nan: bool) -> None:
    rows = np.random.default_rng(0).random((40, 6)).astype(np.float32)
    bad = rows.copy()
    if nan:
        bad[3, 4] = np.nan
    np.savez("d.npz", x_a=rows, y_a=np.arange(40) % 4, x_b=bad, y_b=np.arange(40) % 4)


@pytest.mark.parametrize(
    ("write", "words", "told"),
    [
        (
            write_table,
            (*TABLE, "dataset.source=Ulm", "dataset.target=Ulm"),
            "dataset.source and dataset.target are both Ulm: nothing can be transferred. "
            "Name another source (Bonn)",
        ),
        (
            write_table,
            (*TABLE, "dataset.source=Ulm", "dataset.target=Bon"),
            "dataset.target=Bon is no domain here; did you mean 'Bonn'?",
        ),
        (
            lambda: write_table(other_labels),
            (*TABLE, *PAIR),
            "source and target share no class by name",
        ),
        (
            write_table,
            (*TABLE[:2], "dataset.label=yy", "dataset.domain=town", *PAIR),
            "t.csv has no column 'yy'; did you mean 'y'?",
        ),
        (
            write_table,
            (*TABLE[:3], "dataset.domain=twon", *PAIR),
            "t.csv has no column 'twon'; did you mean 'town'?",
        ),
        (
            lambda: write_texts(empty=12),
            TEXT,
            "t.jsonl: 'text' is empty in row 13: fill or drop that.",
        ),
        (
            lambda: write_table(one_label),
            (*TABLE, *PAIR, "cv.folds=3"),
            "the labelled samples are all of one class",
        ),
        (
            lambda: write_table(one_label),
            (*TABLE, "dataset.target=Ulm", "cv.folds=3", "method=supervised"),
            "holds one class only",
        ),
        (
            write_table,
            (*TABLE, *PAIR, "transfer.n_components=3"),
            "transfer.n_components=3 is more than the rank of the features of both",
        ),
        (
            lambda: write_arrays(nan=True),
            OFFICE,
            "x_b[3, 4] is nan: values must be finite",
        ),
        (
            lambda: write_table(infinite),
            (*TABLE, *PAIR),
            "t.csv: column 'p' holds 'inf' in row 8, which is no finite number.",
        ),
    ],
)
def test_one_message_and_status_two(  # type: ignore[no-untyped-def]
    kdrun, write: Callable[[], None], words: tuple[str, ...], told: str
) -> None:
    write()
    ended: Told = kdrun(*TRANSFER, *words)
    assert ended.status == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not list(Path("outputs").rglob("checkpoint.pt"))


def test_what_is_wrong_above_is_all_that_is_wrong(kdrun) -> None:  # type: ignore[no-untyped-def]
    write_table()
    assert kdrun(*TRANSFER, *TABLE, *PAIR).status == 0
    write_texts()
    assert kdrun(*TRANSFER, *TEXT).status == 0
    write_arrays(nan=False)
    assert kdrun(*TRANSFER, *OFFICE).status == 0
