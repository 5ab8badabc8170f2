"""A student on a teacher: it reads probabilities, and its file holds both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kdrun.model import build
from kdrun.model.features import Network
from kdrun.model.stack import Stack, stack
from kdrun.model.weights import rebuild, save
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs

LINEAR = {"_target_": "kdrun.model.linear.Linear"}
MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]}
CLASSES = ["a", "b", "c"]


def networks() -> tuple[Network, Network]:
    torch.manual_seed(0)
    teacher = build(MLP, num_classes=3, shape=(5,))
    return build(LINEAR, num_classes=3, shape=(3,)), teacher


def stacked() -> Stack:
    student, teacher = networks()
    return stack(student, Frozen(teacher), model=MLP, classes=CLASSES, shape=(5,))


def batch() -> Batch:
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    return Batch(x, torch.zeros(4).long(), torch.arange(4))


def test_the_student_reads_what_the_teacher_says() -> None:
    made = stacked()
    student, teacher = networks()
    x = batch().input
    assert isinstance(x, Tensor)
    shares = torch.softmax(teacher.net(x), 1)
    expected = student.net(shares)
    torch.testing.assert_close(made(batch()).logits, expected)


def test_only_the_student_is_trained_and_only_the_teacher_reads_the_data() -> None:
    made = stacked().train()
    made(batch()).logits.square().sum().backward()
    moved = {name for name, p in made.named_parameters() if p.grad is not None}
    assert moved == {name for name, _ in made.named_parameters() if name.startswith("student.")}
    assert made.inner is made.student
    assert made.reader is made.teacher.network
    assert not made.teacher.network.training


def test_its_description_rebuilds_the_teacher_in_an_empty_process(tmp_path: Path) -> None:
    made = stacked()
    path = tmp_path / "student.safetensors"
    save(path, made, "stacked", LINEAR, classes=CLASSES, shape=(5,))
    again = rebuild(path)
    assert isinstance(again, Stack)
    assert torch.equal(again.eval()(batch()).logits, made.eval()(batch()).logits)
    described = json.loads(made.config["described"])
    assert (described["classes"], described["shape"]) == (CLASSES, [5])


def test_a_teacher_whose_weights_no_file_could_hold_is_refused() -> None:
    class Other(nn.Module):
        def forward(self, batch: Batch) -> Outputs:
            raise AssertionError

    with pytest.raises(ValueError, match="it needs a network that knows the classes of the data"):
        stack(networks()[0], Frozen(Other()), model=None, classes=CLASSES, shape=(5,))
