"""Weights that are given for a teacher are held against the data, once these are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir

from kdrun.config import register
from kdrun.config.schema import folder
from kdrun.config.validate import parts
from kdrun.model import build, weights
from kdrun.teacher.building import faults, strangers
from kdrun.types import Arrays, Dataset

MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [2]}
PETS = ["cat", "dog", "owl"]


def written(path: Path, classes: list[str]) -> str:
    """The file of a network that knows these classes."""
    network = build(MLP, num_classes=len(classes), shape=(4,))
    weights.save(path, network, "mlp", MLP, classes=classes, shape=(4,))
    return str(path)


def data(classes: list[str], source: Dataset | None = None) -> Dataset:
    """Three samples of so many classes."""
    split = Arrays(torch.zeros(3, 4), torch.arange(3))
    return Dataset(split, None, split, classes, (4,), source=source)


def told(role: dict[str, Any], where: str, known: Dataset) -> list[str]:
    return list(strangers([(where, role)], known))


def test_no_job_of_a_sweep_reads_the_data_to_look_at_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(**arguments: Any) -> Dataset:
        raise AssertionError("the data were read")

    path = written(tmp_path / "teacher.safetensors", PETS)
    register.register(None)
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        words = ["teacher=mlp", "student=linear", f"teacher.checkpoint={path}"]
        config = compose("config", overrides=words)
    monkeypatch.setattr("sklearn.datasets.load_digits", read)
    assert parts(config) == []


def test_who_lacks_a_class_is_told_by_the_place_of_its_weights(tmp_path: Path) -> None:
    role = {"checkpoint": written(tmp_path / "pets.safetensors", PETS)}
    assert not told(role, "teacher", data(["owl", "cat", "dog"]))
    (wrong,) = told(role, "teacher", data([*PETS, "newt"]))
    assert wrong.startswith("teacher.checkpoint: ")
    assert "knows 3 classes (cat, dog, owl), but the dataset has 4" in wrong
    assert not told({**role, "head": "new"}, "teacher", data(["van"]))
    assert not told({**role, "head": "none"}, "teacher", data(["van"]))
    (wrong,) = faults("student", {**role, "head": "none"})
    assert wrong.startswith("student.head=none: a teacher alone")
    assert not told({**role, "classes": ["van"]}, "teacher", data(["van"]))


def test_a_member_needs_one_of_the_classes_and_a_source_model_those_of_the_source(
    tmp_path: Path,
) -> None:
    role = {"checkpoint": written(tmp_path / "pets.safetensors", PETS)}
    assert not told(role, "teacher.members.a", data(["owl", "newt"]))
    assert told(role, "teacher.members.a", data(["van", "bus"]))
    beside = data(["owl", "newt"], source=data(PETS))
    assert not told(role, "source_model", beside)
    assert told(role, "student", beside)


def test_weights_that_went_away_are_an_error_and_not_overlooked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        told({"checkpoint": str(tmp_path / "gone.safetensors")}, "teacher", data(PETS))
