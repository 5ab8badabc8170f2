"""Sample ids of every dataset: each is one sample's, and decisions find it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from kdrun.config.instantiate import locate
from kdrun.dataset.augment import Augment
from kdrun.dataset.heart import NOMINAL, NUMERIC, heart
from kdrun.dataset.split import sample_ids
from kdrun.predict.answers import about, write
from kdrun.teacher.matching import splits
from kdrun.teacher.recorded import recorded

WITHOUT = {"coco", "lines", "masks", "pairs", "shapes", "stdlib"}
"""What has no one class a sample, and so no decisions: ids of these are tested with them."""

YAMLS = sorted(
    path
    for path in (Path(__file__).parents[2] / "configs" / "dataset").glob("*.yaml")
    if path.stem not in WITHOUT
)
COUNT = 120


def patients(place: Path) -> str:
    """Two hospitals."""
    names = [*NUMERIC, *NOMINAL, "target"]
    for seed, hospital in enumerate(("cleveland", "hungarian")):
        cells = np.random.default_rng(seed).integers(0, 3, (COUNT, len(names)))
        lines = [",".join(names), *(",".join(map(str, row)) for row in cells)]
        (place / f"processed.{hospital}.data").write_text("\n".join(lines))
    return str(place)


def arrays(place: Path, *names: str, image: bool = False) -> str:
    """An .npz file with `x_NAME` and `y_NAME` of each name."""
    random, found = np.random.default_rng(0), {}
    for name in names:
        shape = (COUNT, 6, 6) if image else (COUNT, 4)
        found[f"x_{name}"] = random.integers(0, 256, shape).astype(np.uint8 if image else float)
        found[f"y_{name}"] = np.arange(COUNT) % 3
    path = place / f"{'-'.join(names)}{image}.npz"
    np.savez(path, **found)
    return str(path)


def rows(place: Path) -> str:
    """A table with texts, one of which is there twice."""
    lines = [f"{i * 7 % 31},word{i % 50} w{i // 2 * 2},{'abc'[i % 3]}" for i in range(COUNT)]
    path = place / "t.csv"
    path.write_text("\n".join(["x,text,label", lines[0], *lines]))
    return str(path)


def hub(place: Path) -> str:
    """A folder of `save_to_disk`."""
    pytest.importorskip("datasets")
    from tests.dataset.test_hub_images import saved

    return saved(place / "hub")


def options(name: str, place: Path, folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a dataset is called with to be small; skips where its files are not here."""
    if name in ("mnist", "fashion_mnist", "cifar10", "cifar100"):
        files = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}.get(name, name)
        root = request.getfixturevalue("real_data")
        if not (root / files).is_dir():
            pytest.skip(f"no {files} in {root}")
        return {"root": str(root), "train_size": 100}
    images = [arrays(place, "train", "test", image=True)] if name == "digit_domains" else []
    if images:
        other = place / "b.npz"
        other.write_bytes(Path(images[0]).read_bytes())
        images.append(str(other))
    return {
        "image_folder": lambda: {"root": str(folder), "image_size": 8},
        "hub_images": lambda: {"path": hub(place), "image_size": 8},
        "heart": lambda: {"root": patients(place)},
        "office_caltech": lambda: {"path": arrays(place, "amazon", "webcam")},
        "digit_domains": lambda: {"root": "", "source": images[0], "target": images[1]},
        "npz": lambda: {"path": arrays(place, "train", "test")},
        "table": lambda: {"path": rows(place), "label": "label", "drop": ["text"]},
        "text": lambda: {"path": rows(place)},
    }.get(name, dict)()


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_what_is_recorded_is_read_back(
    path: Path, tmp_path: Path, folder: Path, request: pytest.FixtureRequest
) -> None:
    given = options(path.stem, tmp_path, folder, request)
    data = locate(str(OmegaConf.load(path)["_target_"]), "dataset")(**given)
    for split in splits(data).values():
        assert len(set(sample_ids(split))) == len(split)
    if not data.classes:
        pytest.skip("a table of decisions is about classes, and this dataset has values")
    columns = about(data)
    logits = torch.randn(len(columns["id"]), len(data.classes))
    write(tmp_path / "said.csv", columns, logits, data.classes)
    whole = "train_size" not in given
    teacher = recorded(str(tmp_path / "said.csv"), data, Augment(), whole)
    answers = [teacher.answers[name].logits for name in splits(data)]
    assert torch.equal(torch.cat(answers), logits)


def test_a_patient_is_called_the_same_beside_any_source(tmp_path: Path) -> None:
    root = patients(tmp_path)
    alone, beside = (heart(root, source, "hungarian") for source in (None, "cleveland"))
    assert sample_ids(alone.test) == sample_ids(beside.test)
    assert {name.split("/")[0] for name in sample_ids(alone.test)} == {"hungarian"}
