from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.dataset.domains import rows
from kdrun.dataset.table import table


@pytest.fixture
def path(tmp_path: Path) -> str:
    """60 people in two towns, with a class and a value that follow from their age."""
    random = np.random.default_rng(0)
    lines = ["id,age,colour,town,class,value"]
    for number in range(60):
        age = int(random.integers(10, 90))
        colour = ["red", "blue", "?"][number % 3]
        town = ["Ulm", "Bonn"][number % 2]
        lines.append(f"{number},{age},{colour},{town},{10 - number % 2 * 8},{age * 0.5}")
    file = tmp_path / "people.csv"
    file.write_text("\n".join(lines))
    return str(file)


def test_numbers_and_categories_are_told_apart(path: str) -> None:
    data = table(path, "class", drop=["id", "value", "town"])
    assert data.shape == (4,)  # age; colour missing, blue, red
    assert data.classes == ["2", "10"]  # as numbers sort
    assert table(path, "class", drop=["id", "value", "town"], encoding="ordinal").shape == (2,)
    wide = table(path, "class", drop=["id", "value", "town"], categorical=["age"])
    assert wide.shape[0] > 10


def test_values_are_split_by_fifths_and_have_no_classes(path: str) -> None:
    data = table(path, "value", "regression", drop=["id", "class"])
    assert data.classes == []
    assert data.train.targets.dtype == torch.float32
    assert len(data.test) == 12


def test_a_column_can_name_the_domains(path: str) -> None:
    options = {"drop": ["id", "class"], "domain": "town", "task": "regression"}
    pair = table(path, "value", source="Ulm", target="Bonn", val_fraction=0, **options)  # type: ignore[arg-type]
    assert pair.source is not None
    assert len(pair.train) + len(pair.test) == 30
    assert rows(pair.source.train)[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert rows(pair.train)[:, 0].mean() != pytest.approx(0, abs=1e-6)
    everybody = table(path, "value", **options)  # type: ignore[arg-type]
    assert len(everybody.test) == 12


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"label": "clas"}, "no column 'clas'; did you mean 'class'"),
        ({"label": "class", "drop": ["ID"]}, "no column 'ID'"),
        ({"label": "class", "source": "Ulm"}, r"set dataset\.domain to the column"),
        ({"label": "class", "domain": "town", "source": "Ulm"}, r"not dataset\.target"),
        ({"label": "class", "domain": "town", "target": "Rome"}, "allowed: Bonn, Ulm"),
        ({"label": "class", "task": "regresion"}, "did you mean 'regression'"),
        ({"label": "id"}, r"60 classes in 60 rows: set dataset\.task=regression"),
        ({"label": "colour"}, "column 'colour' is empty in row 3, and in 20 rows"),
        ({"label": "town", "task": "regression"}, "holds 'Ulm' in row 1"),
        ({"label": "id", "drop": ["age", "colour", "town", "class", "value"]}, "no column is left"),
    ],
)
def test_mistakes_are_told(path: str, options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        table(path, **options)  # type: ignore[arg-type]


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,x\n")
    with pytest.raises(ValueError, match="one class only, 'x'"):
        table(str(tmp_path / "t.csv"), "b")
