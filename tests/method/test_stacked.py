from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.model.weights import rebuild
from kdrun.types import Batch

WORDS = (
    *("method=stacked", "teacher=linear", "student=mlp", "loss=ce", "train.epochs=2"),
    "train.progress=false",
)


def test_student_and_teacher_are_one_model_that_predicts(kdrun):
    told = kdrun(*WORDS)
    assert told.status == 0, told.err
    with Path("outputs/default/results.csv").open() as file:
        (row,) = csv.DictReader(file)
    (run,) = Path("outputs/default").glob("stacked_*")
    assert int(row["student_params"]) > int(row["teacher_params"])
    whole = rebuild(run / "student.safetensors").eval()
    images = torch.rand(5, 1, 8, 8)
    batch = Batch(images, torch.zeros(5, dtype=torch.long), torch.arange(5))
    said = torch.softmax(whole.teacher(batch).logits, 1)
    assert torch.equal(whole(batch).logits, whole.student(batch._replace(input=said)).logits)
    np.savez("new.npz", x=np.zeros((3, 8, 8), np.uint8))
    told = kdrun("predict", str(run), "new.npz")
    assert told.status == 0, told.err
    assert len(told.out.splitlines()) == 4


def test_the_teacher_stays_as_it_was(kdrun):
    assert kdrun(*WORDS).status == 0
    (run,) = Path("outputs/default").glob("stacked_*")
    (teacher,) = Path("outputs/cache/teacher").glob("*/student.safetensors")
    whole, alone = rebuild(run / "student.safetensors"), rebuild(teacher)
    for name, weight in alone.state_dict().items():
        assert torch.equal(whole.teacher.network.state_dict()[name], weight), name


@pytest.mark.parametrize("words", [("teacher=random_forest",), ("student=resnet8",)])
def test_what_cannot_be_stacked_is_told(kdrun, words):
    ended = kdrun(*WORDS, *words)
    assert ended.status == 2
    assert "Traceback" not in ended.err
