"""Files of weights and states: whole or absent, data and never code."""

from __future__ import annotations

import os

import pytest
import torch

from kdrun.files import checkpoint
from kdrun.model import build
from kdrun.model.weights import in_float32, load, rebuild, save
from kdrun.types import Batch

LINEAR = {"_target_": "kdrun.model.linear.Linear"}


def network():
    return build(LINEAR, num_classes=3, shape=(1, 2, 2), mean=[0.5], std=[0.25])


def test_a_student_is_rebuilt_from_its_file_alone(tmp_path):
    own = network()
    save(
        tmp_path / "w.safetensors", own, "linear", LINEAR, classes=["a", "b", "c"], shape=(1, 2, 2)
    )
    again = rebuild(tmp_path / "w.safetensors")
    assert again.normalisation == own.normalisation
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in own.state_dict().items())


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_a_student_answers_in_the_format_in_which_it_was_scored(tmp_path, dtype):
    own, path = network(), tmp_path / "w.safetensors"
    own.dtype = dtype
    save(path, own, "linear", LINEAR, classes=["a", "b", "c"], shape=(1, 2, 2))
    assert ("precision" in checkpoint.read_header(path)) == (dtype is not None)
    image = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    batch = Batch(image, torch.zeros(5), torch.zeros(5))
    again = rebuild(path)
    assert torch.equal(again(batch).logits, own(batch).logits)
    own.dtype = None
    assert torch.equal(in_float32(again)(batch).logits, own(batch).logits)


def test_a_header_cannot_name_code(tmp_path):
    path = tmp_path / "w.safetensors"
    save(path, network(), "evil", {"_target_": "os.system"}, classes=["a"], shape=(1, 2, 2))
    with pytest.raises(ValueError, match="not allowed"):
        rebuild(path)


@pytest.mark.parametrize("keep", [4, 50, -1])
def test_a_truncated_file_is_told(tmp_path, keep):
    path = tmp_path / "w.safetensors"
    save(path, network(), "linear", LINEAR, classes=["a", "b", "c"], shape=(1, 2, 2))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        checkpoint.read_header(path)


def test_weights_of_another_network_are_told(tmp_path):
    wide = build(LINEAR, num_classes=4, shape=(1, 2, 2), mean=[0.5], std=[0.25])
    save(tmp_path / "w.safetensors", wide, "wide", LINEAR, classes=list("abcd"), shape=(1, 2, 2))
    with pytest.raises(ValueError, match="holds wide, not this Linear: 2 of another shape"):
        load(network(), tmp_path / "w.safetensors")


def test_a_failed_write_leaves_the_state_before(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save_state(path, {"epoch": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save_state(path, {"epoch": 2})
    assert checkpoint.load_state(path) == {"epoch": 1}
    assert os.listdir(tmp_path) == ["checkpoint.pt"]
