from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdrun.dataset.mnist import mnist
from kdrun.dataset.split import channel_statistics


def test_the_official_files_hold_60000_and_10000_images(real_data: Path) -> None:
    if not (real_data / "MNIST").is_dir():
        pytest.skip(f"no MNIST in {real_data}")
    data = mnist(str(real_data), val_fraction=0)
    assert (len(data.train), data.val, len(data.test)) == (60_000, None, 10_000)
    assert torch.bincount(data.train.targets).tolist()[:3] == [5923, 6742, 5958]
    assert data.classes == list("0123456789")
    mean, std = channel_statistics(data.train)
    assert data.mean == pytest.approx(mean, abs=1e-4)
    assert data.std == pytest.approx(std, abs=1e-4)
    part = mnist(str(real_data), train_size=500)
    assert part.val is not None
    assert torch.bincount(part.val.targets).sum() == 6000
    assert len(part.train) == 500


def test_a_folder_without_them_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dataset.root=.*dataset.download=true"):
        mnist(str(tmp_path))
    assert not list(tmp_path.iterdir())
