"""`dataset=hub_images`: pictures of a saved dataset are decoded where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kdrun.dataset.digest import digest, digests
from kdrun.dataset.hub_images import hub_images
from kdrun.dataset.hugging import open_dataset
from kdrun.dataset.image import fit_image
from kdrun.dataset.loader import make_loader
from kdrun.types import Files

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (9 + seed, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def saved(folder: Path, labels: Any = (0, 1), names: Any = ("cat", "dog"), **more: Any) -> str:
    parts = {}
    for name, first, count in (("train", 0, 10), ("test", 10, 4)):
        label = [labels[place % len(labels)] for place in range(count)]
        features = {
            "img": datasets.Image(),
            "label": datasets.ClassLabel(names=[*names]) if names else datasets.Value("string"),
        }
        columns = {"img": [picture(first + place) for place in range(count)], "label": label}
        parts[name] = datasets.Dataset.from_dict(columns, datasets.Features(features))
    datasets.DatasetDict(parts).save_to_disk(str(folder), **more)
    return str(folder)


def test_batches_are_the_pictures(tmp_path: Path) -> None:
    path = saved(tmp_path / "saved", num_shards={"train": 2, "test": 1})
    data = hub_images(path, image_size=8, crop_pct=1.0, val_fraction=0)
    assert (data.classes, data.shape) == (["cat", "dog"], (3, 8, 8))
    assert isinstance(data.test, Files)
    assert data.test.ids == [f"test/{row}" for row in range(4)]
    assert data.train.targets.tolist() == [0, 1] * 5
    for split, first in ((data.train, 0), (data.test, 10)):
        (batch,) = make_loader(split, 16, seed=0, train=False).epoch(0)
        for place, made in enumerate(batch.input):  # type: ignore[arg-type]
            wanted = fit_image(picture(first + place), (3, 8, 8)).permute(2, 0, 1).float() / 255
            torch.testing.assert_close(made, wanted)
    assert len({*digests(data.train), *digests(data.test)}) == 14
    assert digest(data.train) != digest(data.test)


def test_classes_that_are_words_and_a_split_that_is_cut(tmp_path: Path) -> None:
    path = saved(tmp_path / "saved", labels=("dog", "cat"), names=None)
    datasets.load_from_disk(path)["train"].save_to_disk(f"{path}2")
    data = hub_images(f"{path}2", image_size=8, val_fraction=0)
    assert data.classes == ["cat", "dog"]
    assert (len(data.train), len(data.test)) == (8, 2)
    assert "a part of train is the test split, chosen by dataset.split_seed" in data.notes


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"image": "imge"}, "dataset.image=imge: the columns of images of .* are img"),
        ({"label": "lable"}, "has no column dataset.label=lable; did you mean 'label'"),
        ({"image_size": 0}, "dataset.image_size=0: give 1 or more pixels"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hub_images(saved(tmp_path / "saved"), **more)


def test_hidden_labels_in_training_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="row 1 has the label -1, which is no class of train"):
        hub_images(saved(tmp_path / "saved", labels=(0, -1)))


def test_pictures_in_files_of_their_own_are_read_if_they_lie_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, name in enumerate(("cat/0", "cat/1", "dog/2", "dog/3")):
        file = tmp_path / "photos" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(place).save(file)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "arrow")
    where: dict[str, Any] = {
        "path": str(tmp_path / "photos"),
        "image_size": 8,
        "test_fraction": 0.5,
    }
    data = hub_images(**where, val_fraction=0)
    assert data.classes == ["cat", "dog"]
    assert isinstance(data.train, Files)
    assert all(path.startswith(where["path"]) for path in data.train.paths)
    found = open_dataset(where["path"], False)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(
        "kdrun.dataset.hub_images.open_dataset",
        lambda *_: found._replace(root=tmp_path / "other"),
    )
    with pytest.raises(ValueError, match="which does not lie in it"):
        hub_images(**where)


def test_a_damaged_picture_is_told_at_once(tmp_path: Path) -> None:
    folder = saved(tmp_path / "saved")
    for file in Path(folder, "train").glob("*.arrow"):
        whole = file.read_bytes()
        place = whole.find(b"\x89PNG")
        file.write_bytes(whole[: place + 8] + b"\0" * 30 + whole[place + 38 :])
    with pytest.raises(ValueError, match=r"arrow:0:img:.* cannot be read as an image"):
        hub_images(folder, image_size=8)
