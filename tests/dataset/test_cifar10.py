from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.dataset.cifar10 import cifar10
from kdrun.types import Arrays

FILES = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
COUNT = 20  # images in each file


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the official format, but tiny, and so without the official checksums."""
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for number, name in enumerate(FILES):
        pixels = np.random.default_rng(number).integers(0, 256, (COUNT, 3072), dtype=np.uint8)
        batch = {"data": pixels, "labels": [i % 10 for i in range(COUNT)]}
        (folder / name).write_bytes(pickle.dumps(batch))
    names = {"label_names": [f"class {i}" for i in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names))
    monkeypatch.setattr(CIFAR10, "train_list", [[name, None] for name in FILES[:-1]])
    monkeypatch.setattr(CIFAR10, "test_list", [[FILES[-1], None]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": None})
    return tmp_path


def test_the_official_layout_is_read_in_colour(root: Path) -> None:
    data = cifar10(str(root), val_fraction=0.5)
    half = COUNT * 5 // 2
    assert data.val is not None
    assert (len(data.train), len(data.val), len(data.test)) == (half, half, COUNT)
    assert data.classes == [f"class {i}" for i in range(10)]
    assert data.shape == (3, 32, 32)
    assert isinstance(data.test, Arrays)
    assert isinstance(data.test.inputs, Tensor)
    # A file holds all red pixels of an image, then the green ones, then the blue ones.
    last = len(FILES) - 1
    pixels = np.random.default_rng(last).integers(0, 256, (COUNT, 3072), dtype=np.uint8)
    assert torch.equal(data.test.inputs, torch.from_numpy(pixels).view(-1, 3, 32, 32))
    assert data.test.targets.tolist() == [i % 10 for i in range(COUNT)]


def test_absent_files_are_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset.root=.*dataset.download=true"):
        cifar10(str(tmp_path))


def test_files_with_other_checksums_are_not_unpickled(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(b"cos\nabort\n(tR.")  # would end the process
    with pytest.raises(FileNotFoundError, match="corrupted"):
        cifar10(str(tmp_path))
