"""`hf://OWNER/NAME` is what was fetched of it, whole, at a commit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from kdrun.hub.place import Place, fetch, folder, here, is_place, parse
from tests.hub.stand_in import Hub

NAME = "hf://somebody/reviews"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (NAME, Place("dataset", "somebody/reviews")),
        ("hf://datasets/a/reviews@v1.0:films", Place("dataset", "a/reviews", "v1.0", "films")),
        ("hf://a/b.c@refs/pr/1", Place("dataset", "a/b.c", "refs/pr/1")),
    ],
)  # fmt: skip
def test_a_name_says_which(path: str, place: Place) -> None:
    assert parse(path, "dataset") == place
    assert parse(str(place), "dataset") == place
    assert is_place(path)


@pytest.mark.parametrize(
    "path", ["hf://bert", "hf://a/b/c", "hf://../b", "hf://a/..", "hf://a/b@../c", "hf://a/b?x=1"]
)
def test_what_is_no_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"is no name on the hub: hf://OWNER/NAME"):
        parse(path, "dataset")


def test_a_model_is_no_dataset() -> None:
    with pytest.raises(ValueError, match="is of the hub's datasets, and a model is wanted here"):
        parse("hf://datasets/a/b", "model")


def test_it_stays_what_was_fetched_until_another_is_asked_for(hub: Hub) -> None:
    files = {"train.csv": b"text,label\n", "run.py": b"raise", "x.pkl": b"\x80", "README.md": b"#"}
    hub.repositories["datasets/somebody/reviews"] = dict(files)
    with pytest.raises(ValueError, match=r"was not fetched yet: dataset\.download=true fetches it"):
        folder(NAME, "dataset", download=False)
    assert hub.asked == []
    first = folder(NAME, "dataset", download=True)
    assert sorted(path.name for path in first.folder.iterdir()) == ["README.md", "train.csv"]
    assert first.commit == hub.commit("datasets/somebody/reviews")
    count = len(hub.asked)
    hub.repositories["datasets/somebody/reviews"]["train.csv"] = b"text,label\nnew,1\n"
    assert folder(NAME, "dataset", download=True) == first  # nobody is asked
    assert len(hub.asked) == count
    newer = folder(f"{NAME}@main", "dataset", download=True)
    assert newer.commit != first.commit
    assert (newer.folder / "train.csv").read_bytes().endswith(b"new,1\n")
    assert (first.folder / "train.csv").read_bytes() == files["train.csv"]


def test_of_a_model_no_pickle_is_fetched(hub: Hub) -> None:
    names = ("model.safetensors", "pytorch_model.bin", "modeling.py", "config.json")
    hub.repositories["models/a/b"] = dict.fromkeys(names, b"{}")
    found = fetch(parse("hf://a/b", "model"))
    assert sorted(path.name for path in found.folder.iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_half_of_it_does_not_count(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repositories["datasets/somebody/reviews"] = {"a.csv": b"a", "b.csv": b"b"}
    place = parse(NAME, "dataset")
    found = fetch(place)
    assert here(place) == found
    (found.folder / "a.csv").unlink()
    found.folder.rename(found.folder.with_name("gone"))
    assert here(place) is None


def test_what_is_not_there_is_told_in_a_line(hub: Hub) -> None:
    with pytest.raises(ValueError, match=r"hf://a/none is not to be had from the hub: .*") as told:
        fetch(parse("hf://a/none", "dataset"))
    assert "\n" not in str(told.value)
    assert "hf_secret" not in str(told.value)


def test_a_dataset_of_the_hub_is_a_run_of_its_commit(
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    datasets = pytest.importorskip("datasets")
    from omegaconf import OmegaConf

    from kdrun.config.identity import by_content
    from kdrun.dataset.text import text

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "arrow")
    rows = {"text": ["a fine one", "a dull one", "fine", "dull"], "label": ["y", "n", "y", "n"]}
    files = {}
    for name in ("train", "test"):
        made = io.BytesIO()
        datasets.Dataset.from_dict(
            {**rows, "text": [f"{name} {t}" for t in rows["text"]]}
        ).to_parquet(made)
        files[f"data/{name}-00000-of-00001.parquet"] = made.getvalue()
    hub.repositories["datasets/somebody/reviews"] = files
    settings = OmegaConf.to_container(OmegaConf.create({"dataset": {"path": NAME}}))
    assert by_content(settings) == {"dataset": {"path": "hf:/somebody/reviews"}}
    data = text(NAME, download=True, val_fraction=0)
    assert (len(data.train), len(data.test), data.classes) == (4, 4, ["n", "y"])
    commit = hub.commit("datasets/somebody/reviews")
    assert data.notes[0] == f"{NAME} is commit {commit[:12]}"
    one = by_content(settings)["dataset"]["path"]
    assert len(one) == 64
    other = by_content({"dataset": {"path": f"{NAME}:films"}})["dataset"]["path"]
    assert other != one
