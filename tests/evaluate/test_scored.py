"""The rows of evaluations.csv."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from kdrun.evaluate.scored import Line, write
from kdrun.task.metrics import CLASSIFICATION

LINE = Line("run", "w", "new", "", 10, "h", {"f1": 0.5}, {"f1": (0.4, 0.6)}, CLASSIFICATION)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_same_measurement_takes_the_place_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.csv"
    write(path, [LINE, replace(LINE, domain="u", intervals={})])
    write(path, [replace(LINE, metrics={"f1": 0.55})])
    found = rows(path)
    assert [(row["domain"], row["f1"], row["f1_low"]) for row in found] == [
        ("u", "0.5", ""),
        ("", "0.55", "0.4"),
    ]
    write(path, [replace(LINE, data_hash="other")])
    assert len(rows(path)) == 3


def test_another_table_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no data"):
        write(path, [LINE])
    assert path.read_text() == "a,b\n1,2\n"
