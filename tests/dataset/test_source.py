"""Where samples come from: the same ones, whatever they are kept as."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from kdrun.dataset.source import Disk, Memory
from kdrun.types import Arrays, Files

BATCHES = [torch.tensor([2, 0]), torch.tensor([1])]


def test_arrays_come_by_position() -> None:
    inputs = torch.arange(12.0).view(3, 4)
    found = list(Memory(Arrays(inputs, torch.zeros(3)), "cpu").read(BATCHES))
    assert [torch.equal(a, inputs[b]) for a, b in zip(found, BATCHES, strict=True)] == [True, True]  # type: ignore[arg-type]


def test_texts_are_cut_to_the_longest_of_a_batch() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0]])
    ids = torch.arange(12).view(3, 4)
    source = Memory(Arrays({"input_ids": ids, "attention_mask": mask}, torch.zeros(3)), "cpu")
    first, second = source.read(BATCHES)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert torch.equal(first["input_ids"], ids[BATCHES[0], :3])
    assert torch.equal(second["input_ids"], ids[BATCHES[1], :1])
    assert not source.placed


def test_files_are_decoded_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{n}.png") for n in range(3)]
    for n, path in enumerate(paths):
        Image.new("RGB", (4, 4), (n * 50, 0, 0)).save(path)
    source = Disk(Files(paths, torch.zeros(3).long(), 4), "cpu", workers=0)
    first, second = source.read(BATCHES)
    assert isinstance(first, torch.Tensor)
    assert first.shape == (2, 3, 4, 4)
    assert first[:, 0, 0, 0].tolist() == [100, 0]
    assert isinstance(second, torch.Tensor)
    assert second[0, 0, 0, 0] == 50
    Path(paths[1]).write_text("no image")
    with pytest.raises(ValueError, match=r"1\.png"):
        list(source.read(BATCHES))
