"""Files of decisions become one kind of table, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kdrun.teacher.decisions import Table, read


def csv(folder: Path, *lines: str) -> Table:
    path = folder / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return read(path)


def jsonl(folder: Path, *rows: object) -> Table:
    path = folder / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return read(path)


def npz(folder: Path, **arrays: object) -> Table:
    np.savez(folder / "t.npz", **arrays)
    return read(folder / "t.npz")


def test_rows_that_decide_nothing_are_left_out_and_the_others_keep_their_number(
    tmp_path: Path,
) -> None:
    table = csv(tmp_path, "id,label,weight", "7,cat,1", "8,,2", "9,dog,")
    assert table.kind == "label"
    assert table.text("label") == ["cat", "dog"]
    assert table.row.tolist() == [1, 3]
    assert table.length == 3
    assert table.numbers("weight", 5.0).tolist() == [1, 5]
    assert table.numbers("confidence", 1.0).tolist() == [1, 1]
    assert table.text("split") is None


@pytest.mark.parametrize(("prefix", "kind"), [("p_", "probabilities"), ("logit_", "logits")])
def test_columns_of_classes_are_values_in_the_order_of_the_file(
    tmp_path: Path, prefix: str, kind: str
) -> None:
    table = csv(tmp_path, f"{prefix}owl,id,{prefix}cat", "0.25,a,0.75", "1,b,0")
    assert (table.kind, table.classes) == (kind, ["owl", "cat"])
    assert table.values is not None
    assert table.values.tolist() == [[0.25, 0.75], [1, 0]]


@pytest.mark.parametrize("kind", ["probabilities", "logits"])
def test_lists_and_objects_of_json_are_columns(tmp_path: Path, kind: str) -> None:
    named = jsonl(tmp_path, {"id": "a", kind: {"cat": 0.5, "owl": 0.5}})
    counted = jsonl(tmp_path, {"id": "a", kind: [0.5, 0.5]})
    assert (named.kind, named.classes, counted.classes) == (kind, ["cat", "owl"], ["0", "1"])
    with pytest.raises(ValueError, match=f"{kind} is 'cat': give a list or an object"):
        jsonl(tmp_path, {"id": "a", kind: "cat"})


def test_arrays_name_their_classes_or_do_not(tmp_path: Path) -> None:
    values = np.eye(2, 3)
    assert npz(tmp_path, probabilities=values).classes is None
    assert npz(tmp_path, probabilities=values).row.tolist() == [1, 2]
    assert npz(tmp_path, logits=values, classes=np.array(list("abc"))).classes == list("abc")
    for arrays, told in (
        ({"logits": values, "classes": np.array(list("ab"))}, "2 classes are named"),
        ({"logits": values, "id": np.arange(3)}, "id has 3 rows, and logits 2"),
        ({"logits": values * np.nan}, r"logits of shape \(2, 3\) are not finite"),
        ({"probabilities": np.zeros(2)}, r"of shape \(2,\) are not finite numbers \(N, C\)"),
    ):
        with pytest.raises(ValueError, match=told):
            npz(tmp_path, **arrays)


def test_a_whole_number_is_an_id_without_decimals(tmp_path: Path) -> None:
    table = npz(tmp_path, label=np.array([1.0, 2.5]), id=np.array([b" a/0 ", b"b"]))
    assert table.text("label") == ["1", "2.5"]
    assert table.text("id") == ["a/0", "b"]


def test_a_cell_that_is_no_number_is_told_by_its_row(tmp_path: Path) -> None:
    table = csv(tmp_path, "label,weight", ",9", "cat,heavy")
    with pytest.raises(ValueError, match="weight of row 2 is 'heavy', not a number"):
        table.numbers("weight", 1.0)


def test_it_says_one_thing_of_a_sample(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it has label and logits: give a column label, or"):
        csv(tmp_path, "label,logit_a", "a,1")
    with pytest.raises(ValueError, match="it has only id: give"):
        csv(tmp_path, "id", "a")


def test_another_kind_of_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.touch()
    with pytest.raises(ValueError, match=r"t.xlsx is none of .csv, .parquet, .jsonl, .npz"):
        read(path)
    with pytest.raises(FileNotFoundError, match="give a table of decisions"):
        read(tmp_path)  # a folder
