"""A run's student as a function of plain tensors, with what a reader of its file has to know."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from kdrun.export.student import SAMPLES, open_student
from kdrun.types import Batch
from tests.export.conftest import Make
from tests.export.kinds import MLP

DIGITS = {
    "name": "digits",
    "_target_": "kdrun.dataset.digits.digits",
    "val_fraction": 0.1,
    "split_seed": 0,
}


def test_the_samples_are_the_runs_own_where_they_can_be_read(student: Make) -> None:
    folder, _ = student(MLP, shape=(1, 8, 8), classes=list("0123456789"), dataset=DIGITS)
    found = open_student(str(folder))
    assert found.real
    assert isinstance(found.samples, Tensor)
    assert found.samples.shape == (11, 1, 8, 8)
    assert 0 <= found.samples.min() < found.samples.max() <= 1
    assert len(found.samples.unique(dim=0)) == 11


def test_without_data_samples_are_noise_of_the_right_kind(student: Make) -> None:
    folder, _ = student(MLP)
    found = open_student(str(folder))
    assert not found.real
    assert isinstance(found.samples, Tensor)
    assert found.samples.shape == (SAMPLES, 3, 8, 8)
    assert 0 <= found.samples.min() < found.samples.max() < 1  # as pixels are
    assert torch.equal(found.samples, open_student(str(folder)).samples)


def test_it_answers_as_the_network_of_the_run_from_pixels(student: Make) -> None:
    folder, network = student(MLP)
    found = open_student(str(folder))
    x, nothing = torch.rand(5, 3, 8, 8), torch.zeros(5)
    with torch.no_grad():
        assert torch.equal(found.network(x), network(Batch(x, nothing, nothing)).logits)
    assert not any(module.training for module in found.network.modules())
    assert found.inputs == ["input"]


@pytest.mark.parametrize(
    ("shape", "reads"),
    [
        ((3, 8, 8), "RGB images (N, 3, 8, 8), float32 from 0 to 1"),
        ((1, 8, 8), "grey images (N, 1, 8, 8), float32 from 0 to 1"),
        ((2, 8, 8), "images (N, 2, 8, 8), float32 from 0 to 1"),
        ((5,), "rows (N, 5), float32, prepared as the run's dataset prepares them"),
    ],
)
def test_a_reader_is_told_what_goes_in_and_comes_out(
    student: Make, shape: tuple[int, ...], reads: str
) -> None:
    folder, _ = student(MLP, shape=shape)
    told = open_student(str(folder)).metadata
    assert told["input"] == reads
    assert json.loads(told["classes"]) == ["a", "b", "c"]
    assert told["output"].startswith("logits (N, classes)")
    assert (told["name"], told["run"]) == ("tiny", "run")
    assert all(isinstance(value, str) for value in told.values())


def test_values_are_told_as_such(student: Make) -> None:
    folder, _ = student(MLP, shape=(5,), classes=(), unit=(150.0, 40.0))
    found = open_student(str(folder))
    assert found.metadata["output"] == "values (N, 1), in the unit of the data"
    assert isinstance(found.samples, Tensor)
    assert found.samples.min() < 0  # rows are no pixels
