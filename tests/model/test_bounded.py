"""A file asks for no network much larger than it is, and what it says wrong is its fault."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kdrun.model import bounded
from kdrun.model.bounded import as_described, no_larger_than


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of six numbers in two tensors; little may be added to them."""
    monkeypatch.setattr(bounded, "SPARE", 10)
    monkeypatch.setattr(bounded, "PARTS", 5)
    save_file({"weight": torch.zeros(2, 2), "bias": torch.zeros(2)}, tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_what_is_in_the_file_may_be_built_several_times(file: Path) -> None:
    with no_larger_than(file):
        for _ in range(4):
            nn.Linear(2, 2)


def test_a_larger_one_is_stopped_before_it_takes_memory(file: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"asks for a network of 1,000,000,000,000 numbers or more"),
        no_larger_than(file),
        torch.device("meta"),
    ):
        nn.Linear(10**6, 10**6)


def test_so_is_one_of_endless_parts_that_hold_nothing(file: Path) -> None:
    with (
        pytest.raises(ValueError, match="a network of over 13 parts, and holds 6"),
        no_larger_than(file),
    ):
        nn.Sequential(*(nn.Identity() for _ in range(20)))


def test_afterwards_anything_may_be_built_again(file: Path) -> None:
    with pytest.raises(ValueError, match="asks for"), no_larger_than(file):
        nn.Linear(9, 9)
    assert nn.Linear(9, 9).weight.numel() == 81


def test_whatever_is_raised_is_the_files_mistake_in_one_line(file: Path) -> None:
    told = r"no network can be built as it says: TypeError: a b$"
    with pytest.raises(ValueError, match=told), as_described(file, ()):
        raise TypeError("a\nb")
    with pytest.raises(ValueError, match=r"^ours$"), as_described(file, ()):
        raise ValueError("ours")
    with pytest.raises(KeyError), as_described(file, ("mine",)):  # its author wants to see where
        raise KeyError("x")
    with pytest.raises(KeyboardInterrupt), as_described(file, ()):
        raise KeyboardInterrupt
