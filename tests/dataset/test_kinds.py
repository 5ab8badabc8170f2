"""Which columns are features, and as what: a kind of column each, and what is said of it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from kdrun.dataset.table import table

ROWS = 60
draw = random.Random(0)
NOISE = [round(draw.gauss(), 2) for _ in range(ROWS)]
LABELS = [("no", "yes")[draw.random() < 0.5] for _ in range(ROWS)]


def write(folder: Path, name: str, cells: list[object]) -> str:
    path = folder / "t.csv"
    lines = [f'"{cell}",{x},{y}' for cell, x, y in zip(cells, NOISE, LABELS, strict=True)]
    path.write_text("\n".join([f"{name},x,label", *lines]))
    return str(path)


def cells(kind: str) -> list[object]:
    shuffled = draw.sample(range(ROWS), ROWS)
    return {
        "decimal": [f"{x},5".replace(".", "") for x in NOISE],
        "null": ["NULL" if i % 9 == 0 else x for i, x in enumerate(NOISE)],
        "odd": ["broken" if i % 30 == 1 else x for i, x in enumerate(NOISE)],
        "index": shuffled,
        "rising": [7 * i + i % 3 for i in range(ROWS)],
        "number": [i * 13 % 97 + 1000 * (i % 2) for i in shuffled],
        "name": [f"Ada {i}" for i in shuffled],
        "date": [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in shuffled],
        "german": [f"{1 + i % 28}.{1 + i % 12}.2024 08:30" for i in shuffled],
        "empty": [""] * ROWS,
        "spelled": [("2", "2.0", "02", "red", "red ")[i % 5] for i in shuffled],
        "leak": [{"no": "n", "yes": "y"}[label] for label in LABELS],
        "case": [("Red", "red", "blue")[i % 3] for i in shuffled],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "name", "columns", "note"),
    [
        ("decimal", "a", ["a", "x"], "decimal commas: a"),
        ("null", "a", ["a", "x", "missingindicator_a"], "count as missing: 'NULL' 7"),
        ("odd", "a", ["a", "x", "missingindicator_a"], "but for 2 cells ('broken' 2)"),
        ("index", "a", ["x"], "left out: a, which numbers the rows; dataset.keep=[a]"),
        ("rising", "a", ["x"], "rises from row to row"),
        ("number", "patient_id", ["x"], "is an id by its name"),
        ("number", "dose", ["dose", "x"], "columns: 2 of numbers"),
        ("name", "a", ["x"], "left out: a, which is different in all rows"),
        ("date", "a", ["a", "x"], "dates are days since 1970: a (ISO8601)"),
        ("german", "a", ["a", "x"], "a (%d.%m.%Y %H:%M)"),
        ("empty", "a", ["x"], "left out: a, which is empty"),
        ("spelled", "a", ["x", "a_2", "a_red"], "'02', '2', '2.0' of column 'a' are one"),
        ("case", "a", ["x", "a_Red", "a_blue", "a_red"], "'Red' and 'red' of column 'a' differ"),
    ],
)
def test_a_column_is_what_it_holds(
    tmp_path: Path, kind: str, name: str, columns: list[str], note: str
) -> None:
    data = table(write(tmp_path, name, cells(kind)), "label")
    assert list(data.columns) == columns
    assert note in ". ".join(data.notes)
    assert not data.warnings


def test_what_says_the_label_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "a", cells("leak"))
    (warning,) = table(path, "label").warnings
    assert warning.startswith("column 'a' says the label 'label' in every row")
    assert not table(path, "a", drop=["label"]).warnings
    values = write(tmp_path, "a", [2 * x + 1 for x in NOISE])
    (warning,) = table(values, "a", "regression", drop=["label"]).warnings
    assert "column 'x' says the label 'a'" in warning


def test_options_say_what_is_found_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, "a", cells("index"))
    assert table(path, "label", keep=["a"]).columns == ("a", "x")
    assert len(table(path, "label", categorical=["a"]).columns) > 30
    path = write(tmp_path, "a", cells("case"))
    assert len(table(path, "label", spelling="loose").columns) == 3
    path = write(tmp_path, "a", [f"0{1 + i % 9}/0{1 + i % 7}/2024" for i in range(ROWS)])
    with pytest.raises(ValueError, match=r"t\.csv: column 'a' .* day and month may be either"):
        table(path, "label")
    data = table(path, "label", dates={"a": "%d/%m/%Y"}, val_fraction=0)
    first = int(data.train.ids[0])  # type: ignore[union-attr]
    day, month = 1 + first % 9, 1 + first % 7
    age = (np.datetime64(f"2024-0{month}-0{day}") - np.datetime64(0, "D")).astype(int)
    assert data.reader is not None
    (own, _) = data.reader["learnt"]["numeric"]
    value = data.train.inputs[0, 0].item() * own["scale"] + own["mean"]  # type: ignore[union-attr]
    assert value == pytest.approx(age, abs=1e-3)
    with pytest.raises(ValueError, match=r"no date as dataset\.dates\.a=%Y says"):
        table(path, "label", dates={"a": "%Y"})


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["1", "1.0", "0", "0.0"], "'1', '1.0' of column 'a' are one"),
        (["no", "no ", "yes", "yes "], "30 cells of column 'a' had blanks around"),
        (["7", "07", "12", "7.0"], "'07', '7', '7.0' of column 'a' are one"),
    ],
)
def test_labels_that_are_spelled_in_several_ways_are_one_class(
    tmp_path: Path, labels: list[str], told: str
) -> None:
    path = write(tmp_path, "a", [labels[i % 4] for i in range(ROWS)])
    data = table(path, "a")
    assert len(data.classes) == 2
    assert told in ". ".join(data.notes)
    if told.startswith("'"):
        assert len(table(path, "a", spelling="exact").classes) > 2


def test_labels_that_differ_by_case_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a", [("no", "yes", "Yes")[i % 3] for i in range(ROWS)])
    with pytest.raises(ValueError, match="differ by case only"):
        table(path, "a")
    assert len(table(path, "a", spelling="loose").classes) == 2
    assert len(table(path, "a", spelling="exact").classes) == 3


def test_values_with_decimal_commas_are_predicted(tmp_path: Path) -> None:
    path = write(tmp_path, "a", [f"{x:.3f}".replace(".", ",") for x in NOISE])
    data = table(path, "a", "regression", val_fraction=0)
    expected = [NOISE[int(row)] for row in data.train.ids or ()]
    assert data.train.targets.tolist() == pytest.approx(expected)
