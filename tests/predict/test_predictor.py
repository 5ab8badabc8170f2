"""A student in memory."""

from __future__ import annotations

import pytest
import torch

import kdrun
from kdrun.predict.predictor import Predictor


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        record = kdrun.run(
            "method=supervised", student="linear", train={"epochs": 1, "progress": False}
        )
    return record["run_dir"]


def test_bytes_and_numbers_from_0_to_1_are_one_image(run):
    student = Predictor(run)
    images = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    assert torch.equal(student(images), student(images / 255))
    assert student.classes == [str(digit) for digit in range(10)]
    assert student.shape == (1, 8, 8)
    assert not student.training


def test_it_is_part_of_other_modules(run):
    whole = torch.nn.Sequential(Predictor(run), torch.nn.Softmax(1))
    assert whole(torch.zeros(1, 1, 8, 8)).sum().item() == pytest.approx(1)


def test_what_does_not_fit_is_told(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no"):
        Predictor(run).predict(tmp_path / "nothing.npz")
    with pytest.raises((ValueError, FileNotFoundError)):
        Predictor(str(tmp_path))
