"""New files are prepared as the training data were, in a process that has only the weights."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kdrun.dataset.new import rows, texts
from kdrun.dataset.table import table
from kdrun.dataset.text import text
from kdrun.files.checkpoint import load_weights, read_reader, save_student
from kdrun.types import Arrays, Dataset
from tests.conftest import Told
from tests.hugging import TEXTS, tokenizer

Kdrun = Callable[..., Told]


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """A table with numbers, categories and holes, and a category that few rows have."""
    draw = random.Random(0)
    path = tmp_path / "patients.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "blood", "ward", "weight", "sick"])
        for i in range(120):
            age = "" if i % 9 == 0 else draw.randint(20, 90)
            weight = draw.gauss(70, 10) if i % 7 else "?"
            ward = draw.choice(["north", "south", ""]) if i else "attic"
            blood, sick = draw.choice(["A", "B", "0"]), ("yes", "no")[draw.random() < 0.5]
            writer.writerow([age, blood, ward, weight, sick])
    return path


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.jsonl"
    lines = [
        {"text": f"{TEXTS[i % 6]} number {i}", "label": ("good", "bad")[i % 2]} for i in range(60)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def inputs(data: Dataset) -> dict[str, Tensor]:
    assert isinstance(data.test, Arrays)
    found = data.test.inputs
    return found if isinstance(found, dict) else {"x": found}


def through_json(data: Dataset, function: Callable[..., Arrays], path: Path) -> dict[str, Tensor]:
    assert data.reader is not None
    arguments = json.loads(json.dumps(data.reader))
    assert arguments.pop("_target_") == f"kdrun.dataset.new.{function.__name__}"
    found = function(str(path), **arguments).inputs
    return found if isinstance(found, dict) else {"x": found}


@pytest.mark.parametrize("encoding", ["onehot", "ordinal"])
@pytest.mark.parametrize("indicators", [True, False])
def test_rows_are_the_same_bits(patients: Path, encoding: str, indicators: bool) -> None:
    given = {"encoding": encoding, "indicators": indicators, "test_fraction": 0.5}
    data = table(str(patients), "sick", **given)  # type: ignore[arg-type]
    whole = through_json(data, rows, patients)["x"]
    expected = inputs(data)["x"]
    assert {tuple(row) for row in expected.tolist()} <= {tuple(row) for row in whole.tolist()}
    assert len(whole) == 120


@pytest.mark.parametrize("svd", [None, 4])
@pytest.mark.parametrize("kind", ["words", "tokens", "both"])
def test_texts_are_the_same_bits(reviews: Path, tmp_path: Path, kind: str, svd: int | None) -> None:
    tokenizer(tmp_path / "cut")
    cut = {} if kind == "words" else {"tokenizer": str(tmp_path / "cut")}
    data = text(str(reviews), svd=svd, words=kind != "tokens", **cut)
    whole = through_json(data, texts, reviews)
    expected = inputs(data)
    assert whole.keys() == expected.keys()
    for key, own in expected.items():
        found = {tuple(row) for row in whole[key].tolist()}
        assert {tuple(row) for row in own.tolist()} <= found


def test_other_columns_may_stand_beside_and_a_new_value_is_none_of_the_known(
    patients: Path, tmp_path: Path
) -> None:
    data = table(str(patients), "sick")
    new = tmp_path / "new.csv"
    new.write_text("name,weight,ward,age,blood\nAda,70,cellar,,A\n")
    assert data.reader is not None
    arrays = rows(str(new), data.reader["learnt"])
    (row,) = arrays.inputs.tolist()  # type: ignore[union-attr]
    told = dict(zip(data.columns, row, strict=True))
    assert told["blood_A"] == 1
    assert all(told[name] == 0 for name in told if name.startswith("ward"))
    assert told["age"] == pytest.approx(0, abs=1e-6)  # the mean fills it
    assert told["missingindicator_age"] > 1
    assert arrays.targets.tolist() == [-1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("age,blood,ward,wieght\n1,A,north,2\n", "no column 'weight'; did you mean 'wieght'"),
        ("age,blood,ward,weight\n1,A,north,heavy\n", "holds 'heavy' in row 1"),
        ("age,blood,ward,weight\n", "has no rows"),
    ],
)
def test_a_table_of_something_else_is_told(
    patients: Path, tmp_path: Path, content: str, told: str
) -> None:
    new = tmp_path / "new.csv"
    new.write_text(content)
    data = table(str(patients), "sick")
    assert data.reader is not None
    with pytest.raises(ValueError, match=told):
        rows(str(new), data.reader["learnt"])


def test_predict_reads_a_table(kdrun: Kdrun, patients: Path, tmp_path: Path) -> None:
    told = kdrun(
        "dataset=table", f"dataset.path={patients}", "dataset.label=sick", "method=supervised",
        "student=mlp", "train.epochs=1", "train.progress=false",
    )  # fmt: skip
    assert told.status == 0, told.err
    (run,) = (tmp_path / "outputs/default").glob("*/student.safetensors")
    told = kdrun("predict", str(run.parent), str(patients))
    assert told.status == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == "input,class,confidence,p_no,p_yes"
    assert len(lines) == 121
    told = kdrun("predict", str(run.parent), "nothing.csv")
    assert told.status == 2
    assert "there is no file nothing.csv" in told.err


def test_predict_reads_texts(kdrun: Kdrun, reviews: Path, tmp_path: Path) -> None:
    told = kdrun(
        "dataset=text", f"dataset.path={reviews}", "method=supervised", "student=linear",
        "train.epochs=1", "train.progress=false",
    )  # fmt: skip
    assert told.status == 0, told.err
    (run,) = (tmp_path / "outputs/default").glob("*/student.safetensors")
    (tmp_path / "new.txt").write_text("a fine film\nwhat a dull book\n")
    told = kdrun("predict", str(run), "new.txt")
    assert told.status == 0, told.err
    assert len(told.out.splitlines()) == 3
    (tmp_path / "new.txt").write_text("a fine film\n\nwhat a dull book\n")
    told = kdrun("predict", str(run), "new.txt")
    assert told.status == 2
    assert "the text of row 2 is empty" in told.err
    (tmp_path / "new.csv").write_text("review\nfine\n")
    assert "no column 'text'" in kdrun("predict", str(run), "new.csv").err


def test_a_transformer_predicts_without_the_folder_it_came_from(
    kdrun: Kdrun, reviews: Path, tmp_path: Path
) -> None:
    from tests.hugging import classifier

    folder = classifier(tmp_path / "bert")
    told = kdrun(
        "dataset=text", f"dataset.path={reviews}", f"dataset.tokenizer={folder}",
        "dataset.words=false", "method=supervised", "student=transformers",
        f"student.model.name={folder}", "train.epochs=1", "train.progress=false",
    )  # fmt: skip
    assert told.status == 0, told.err
    (run,) = (tmp_path / "outputs/default").glob("*/student.safetensors")
    folder.rename(tmp_path / "gone")
    told = kdrun("predict", str(run), str(reviews))
    assert told.status == 0, told.err
    assert len(told.out.splitlines()) == 61
    told = kdrun("predict", str(run), "images.npz")
    assert told.status == 2
    assert "the student reads texts" in told.err


def test_what_is_not_read_is_not_kept(kdrun: Kdrun, reviews: Path, tmp_path: Path) -> None:
    tokenizer(tmp_path / "cut")
    told = kdrun(
        "dataset=text", f"dataset.path={reviews}", f"dataset.tokenizer={tmp_path / 'cut'}",
        "method=supervised", "student=linear", "train.epochs=1", "train.progress=false",
        "train.ema=0.9",
    )  # fmt: skip
    assert told.status == 0, told.err
    (run,) = (tmp_path / "outputs/default").glob("*/student.safetensors")
    reader = read_reader(run)
    assert reader is not None
    assert reader["tokens"] is None
    assert reader["words"]["vocabulary"]


@pytest.mark.slow  # a hundred megabytes, so that it is longer
def test_a_reader_may_be_longer_than_a_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KDRUN_MAX_MEMORY", "4GB")
    long = {"_target_": "x", "data": "".join(random.Random(0).choices("abcdefgh", k=105_000_000))}
    save_student(tmp_path / "s.safetensors", {"w": torch.zeros(1)}, {}, long)
    assert read_reader(tmp_path / "s.safetensors") == long
    assert list(load_weights(tmp_path / "s.safetensors")) == ["w"]
