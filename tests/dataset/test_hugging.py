"""Datasets of Hugging Face, made on the spot and saved to disk, are data with their own splits."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.hugging import is_hugging, library, open_dataset, read_hugging
from kdrun.dataset.split import sample_ids
from kdrun.dataset.table import table
from kdrun.dataset.text import text

datasets = pytest.importorskip("datasets")

Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write splits to disk as `datasets` does."""

    def write(labels: Any = None, **splits: dict[str, list[Any]]) -> str:
        made = {}
        for name, columns in splits.items():
            made[name] = datasets.Dataset.from_dict(columns)
            if labels:
                made[name] = made[name].cast_column("label", datasets.ClassLabel(names=labels))
        folder = tmp_path / "saved"
        datasets.DatasetDict(made).save_to_disk(str(folder))
        return str(folder)

    return write


def texts(name: str, count: int) -> dict[str, list[Any]]:
    return {
        "text": [
            f"{name} text {place} is {'fine' if place % 2 else 'dull'}" for place in range(count)
        ],
        "label": [place % 2 for place in range(count)],
    }


def test_texts_keep_their_splits_and_the_names_of_their_classes(save: Save) -> None:
    splits = {name: texts(name, n) for name, n in (("train", 8), ("test", 4), ("validation", 2))}
    path = save(["dull", "fine"], **splits, unsupervised=texts("more", 2))
    data = text(path)
    assert data.classes == ["dull", "fine"]
    assert data.val is not None
    assert [len(one) for one in (data.train, data.val, data.test)] == [8, 2, 4]
    assert sample_ids(data.train) == [str(row) for row in range(8)]
    told = " ".join(data.notes)
    assert "splits that are not read: unsupervised" in told
    assert "validation is the validation split" in told
    assert text(path, train_size=4).test.targets.tolist() == [0, 1, 0, 1]


def test_without_a_test_split_one_is_cut_and_told(save: Save) -> None:
    data = text(save(["dull", "fine"], train=texts("train", 10)), val_fraction=0)
    assert [len(data.train), len(data.test)] == [8, 2]
    assert "a part of train is the test split, chosen by dataset.split_seed" in data.notes


def test_hidden_labels_of_a_test_split_are_told(save: Save) -> None:
    hidden = {**texts("test", 4), "label": [-1] * 4}
    data = text(save(["dull", "fine"], train=texts("train", 10), test=hidden), val_fraction=0)
    assert len(data.test) == 2
    assert "the labels of its test split are hidden, so it is not read" in data.notes


def rows(count: int, first: int) -> dict[str, list[Any]]:
    ages = [float(first + 3.7 * place % 11) for place in range(count)]
    return {
        "age": [None if place == 1 else age for place, age in enumerate(ages)],
        "city": [["rome", "oslo", "bonn"][place % 3] for place in range(count)],
        "rich": [place % 2 == 0 for place in range(count)],
        "tags": [["a", "b"]] * count,
        "income": [["low", "high"][place % 4 // 2] for place in range(count)],
    }


def test_tables_are_read_as_csv_files_are(save: Save) -> None:
    data = table(save(train=rows(24, 20), test=rows(8, 30)), "income", val_fraction=0)
    assert (len(data.train), len(data.test)) == (24, 8)
    assert data.columns[:2] == ("age", "missingindicator_age")
    assert {"city_bonn", "rich_False", "rich_True"} <= {*data.columns}
    assert "columns that are no text and no number: tags" in data.notes
    assert data.reader is not None
    assert data.reader["_target_"] == "kdrun.dataset.new.rows"


def test_numbers_are_spelled_as_they_were_written(save: Save) -> None:
    numbers = {"a": [0.1, 2.0, None], "b": [1, 2, 3], "label": ["x", "y", "x"]}
    path = save(train=numbers)
    narrow = datasets.load_from_disk(path)["train"].cast_column("a", datasets.Value("float32"))
    narrow.save_to_disk(f"{path}2")
    for place in (path, f"{path}2"):
        cells = read_hugging(place, False, None, "label").table
        assert cells["a"].tolist()[:2] == ["0.1", "2.0"]
        assert cells["a"].isna().tolist() == [False, False, True]
        assert cells["b"].tolist() == ["1", "2", "3"]


def test_files_of_data_are_read_and_what_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\na fine one,good\na dull one,bad\n")
    (folder / "other.py").write_text("raise AssertionError('it was run')\n")
    cached = datasets.config.HF_DATASETS_CACHE
    try:
        datasets.config.HF_DATASETS_CACHE = tmp_path / "cache"
        found = open_dataset(str(folder), False)
        assert found.parts["train"]["label"][:] == ["good", "bad"]
        for elsewhere in ("https://example.org/x.csv", "/etc/passwd", "../x.csv"):
            page = f"---\nconfigs:\n- config_name: a\n  data_files: {elsewhere}\n---\n"
            (folder / "README.md").write_text(page)
            with pytest.raises(ValueError, match="which does not lie in it"):
                open_dataset(str(folder), False)
        (folder / "README.md").unlink()
        (folder / "files.py").write_text("raise AssertionError('it was run')\n")
        with pytest.raises(ValueError, match="scripts are no longer supported, but found files"):
            open_dataset(str(folder), False)
    finally:
        datasets.config.HF_DATASETS_CACHE = cached


@pytest.mark.parametrize("elsewhere", ["../other/data.arrow", "/{}"])
def test_a_saved_dataset_names_no_file_outside_of_it(
    save: Save, tmp_path: Path, elsewhere: str
) -> None:
    folder = Path(save(train=texts("train", 4), test=texts("test", 4)))
    state = json.loads((folder / "train" / "state.json").read_text())
    (own,) = state["_data_files"]
    other = tmp_path / "other" / "data.arrow"
    other.parent.mkdir()
    (folder / "train" / own["filename"]).rename(other)
    # links may lead out, as those do of which huggingface_hub's cache is made
    (folder / "train" / own["filename"]).symlink_to(other)
    assert len(open_dataset(str(folder), False).parts["train"]) == 4
    name = str(other) if elsewhere == "/{}" else f"../{elsewhere}"
    (folder / "train" / "state.json").write_text(
        json.dumps({**state, "_data_files": [{"filename": name}]})
    )
    with pytest.raises(ValueError, match="which does not lie in it"):
        open_dataset(str(folder), False)


def test_what_is_none_is_told(save: Save, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder dataset\.path="):
        open_dataset(str(tmp_path / "gone"), False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="is no dataset that can be read"):
        open_dataset(str(tmp_path / "empty"), False)
    path = save(left=texts("a", 4), right=texts("b", 4))
    with pytest.raises(ValueError, match="has the splits left, right, and none called train"):
        open_dataset(path, False)


def test_a_name_that_was_not_fetched_says_what_fetches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"dataset\.download=true fetches it"):
        text("hf://somebody/reviews")


def test_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert is_hugging("hf://a/b")
    assert is_hugging(str(tmp_path))
    assert not is_hugging(str(tmp_path / "a.csv"))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'kdrun\[hub\]'"):
        library()


def test_regression(save: Save) -> None:
    columns = {"a": [float(3 * x % 7) for x in range(20)], "y": [x / 2 for x in range(20)]}
    data = table(save(train=columns, test=columns), "y", task="regression", val_fraction=0)
    assert data.test.targets.dtype == torch.float32
    assert len(data.test) == 20
