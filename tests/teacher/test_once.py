"""Which answers are whose: what a folder of them is named by, and a sweep that asks once."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from kdrun.config.schema import Train
from kdrun.dataset.augment import Augment
from kdrun.model.features import Network
from kdrun.teacher.once import _made, digits
from kdrun.types import Arrays, Dataset


def dataset(bright: int = 0, label: int = 0, classes: tuple[str, ...] = ("a", "b")) -> Dataset:
    images = torch.arange(2 * 3 * 4, dtype=torch.uint8).view(2, 1, 3, 4) + bright
    split = Arrays(images, torch.tensor([label, 1]))
    return Dataset(split, split, split, [*classes], (1, 3, 4), (0.5,), (0.5,))


def builder(**changed: Any) -> Any:
    told = {
        "data": dataset(), "settings": Train(), "device": torch.device("cpu"),
        "augment": Augment(), "view_seed": 0,
    }  # fmt: skip
    return SimpleNamespace(**told | changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"data": dataset(bright=1)},
        {"augment": Augment(flip=True)},
        {"view_seed": 1},
        {"settings": Train(batch_size=32)},
        {"settings": Train(channels_last=False)},
    ],
    ids=str,
)
def test_whatever_changes_an_answer_changes_the_folder(changed):
    assert digits(builder(), None, "x") != digits(builder(**changed), None, "x")


def test_what_changes_no_answer_does_not():
    assert digits(builder(), None, "x") != digits(builder(), None, "y")
    assert digits(builder(), None, "x") != digits(builder(), torch.bfloat16, "x")
    same = builder(data=dataset(label=1), settings=Train(epochs=9, ema=0.5))
    assert digits(builder(), None, "x") == digits(same, None, "x")


def test_a_teacher_is_compiled_where_its_student_is(monkeypatch):
    compiled: list[Any] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled.append(self))
    network = Network(torch.nn.Linear(2, 2))
    teachers: Any = SimpleNamespace(build=lambda role: network)
    _made(teachers, {}, Train())
    assert compiled == []
    _made(teachers, {}, Train(compile=True))
    assert compiled == [network.net]
    own, plain = builder(settings=Train(compile=True)), builder()
    assert digits(own, None, "x") != digits(plain, None, "x")


TINY = (
    "teacher=mlp", "student=mlp", "teacher.seed=0", "train.progress=false", "train.epochs=2",
    "dataset.train_size=200", "dataset.view_seed=5",
)  # fmt: skip


def rows(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return sorted(csv.DictReader(file), key=lambda row: (row["loss"], row["seed"]))


def test_students_of_a_sweep_ask_once_and_are_those_of_a_live_teacher(kdrun):
    words = ("-m", *TINY, "loss=kd,soft_ce", "seed=0,1")
    assert kdrun(*words, "name=kept").status == 0
    assert kdrun(*words, "name=live", "teacher.cache=none").status == 0
    kept, live = rows(Path("outputs/kept/results.csv")), rows(Path("outputs/live/results.csv"))
    assert sorted(float(row["teacher_passes"]) for row in kept) == [0, 0, 0, 2]
    assert {row["teacher_passes"] for row in live} == {"2.0"}
    assert {row["answers"] for row in kept} == {"kept: logits, float32, 2 views of seed 5"}
    assert {row["answers"] for row in live} == {"live"}
    for ours, theirs in zip(kept, live, strict=True):
        assert ours["identity"] == theirs["identity"]
        for column in ("test_nll", "teacher_accuracy", "agreement", "teacher_params", "val_accuracy"):  # noqa: E501  # fmt: skip
            assert ours[column] == theirs[column], column
    records = [
        {
            json.loads(path.read_text())["weights_sha256"]
            for path in Path(f"outputs/{name}").glob("*/record.json")
        }
        for name in ("kept", "live")
    ]
    assert records[0] == records[1]
    assert len(records[0]) == 4
    assert len([p for p in Path("outputs/cache/answers").iterdir() if p.is_dir()]) == 1


def test_a_loss_that_reads_more_than_is_kept_is_refused(kdrun):
    told = kdrun(*TINY, "loss=fitnets", "teacher.cache=logits")
    assert told.status == 2
    assert "teacher.cache=logits, and the loss reads features too" in told.err
