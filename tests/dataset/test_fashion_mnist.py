from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdrun.dataset.fashion_mnist import fashion_mnist
from kdrun.dataset.split import channel_statistics


def test_the_official_files_hold_60000_and_10000_images(real_data: Path) -> None:
    if not (real_data / "FashionMNIST").is_dir():
        pytest.skip(f"no FashionMNIST in {real_data}")
    data = fashion_mnist(str(real_data), val_fraction=0)
    assert (len(data.train), data.val, len(data.test)) == (60_000, None, 10_000)
    assert torch.bincount(data.train.targets).tolist() == [6000] * 10
    assert data.classes[0] == "T-shirt/top"
    mean, std = channel_statistics(data.train)
    assert data.mean == pytest.approx(mean, abs=1e-4)
    assert data.std == pytest.approx(std, abs=1e-4)
    part = fashion_mnist(str(real_data), train_size=500)
    assert part.val is not None
    assert torch.bincount(part.val.targets).tolist() == [600] * 10
    assert torch.bincount(part.train.targets).tolist() == [50] * 10


def test_a_folder_without_them_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset.root=.*dataset.download=true"):
        fashion_mnist(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        # The header of the idx format promises two images (labels), and one follows.
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(3, 2, 28, 28) + bytes(784))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(1, 2) + bytes(1))
    with pytest.raises(ValueError, match=r"cannot be read from dataset.root=.*remove damaged"):
        fashion_mnist(str(tmp_path))


def idx(dims: int, *sizes: int) -> bytes:
    return bytes([0, 0, 8, dims]) + b"".join(size.to_bytes(4, "big") for size in sizes)
