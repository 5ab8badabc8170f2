from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.dataset.cuts import Cuts
from kdrun.dataset.official import official, read_official


class Fake:
    """Stands for a class of torchvision."""

    classes = ("a", "b")

    def __init__(self, root: str, train: bool, download: bool) -> None:
        if download and not (Path(root) / ".download.lock").exists():
            raise AssertionError("fetched without the lock")
        np.dtype("u1", align=0)  # type: ignore[call-overload]  # as CIFAR's pickles do: numpy 2.4 warns
        self.data = torch.zeros(4, 5, 5, dtype=torch.uint8)
        self.targets = [0, 1, 0, 1]


class Offline(Fake):
    def __init__(self, root: str, train: bool, download: bool) -> None:
        raise RuntimeError("Error downloading x.gz: no route")


@pytest.mark.parametrize("download", [False, True])
def test_warnings_of_old_pickles_stay_inside_and_downloads_are_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, download: bool
) -> None:
    monkeypatch.setattr("torchvision.datasets.MNIST", Fake)
    train, test, classes = read_official("MNIST", str(tmp_path / "new"), download)
    assert train.inputs.shape == test.inputs.shape == (4, 1, 5, 5)  # type: ignore[union-attr]
    assert classes == ["a", "b"]
    assert (tmp_path / "new").exists() == download


def test_a_failed_download_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchvision.datasets.MNIST", Offline)
    with pytest.raises(ValueError, match=r"Error downloading x\.gz: no route"):
        read_official("MNIST", str(tmp_path), download=True)


def test_the_training_split_is_cut_and_the_test_split_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchvision.datasets.MNIST", Fake)
    data = official("MNIST", str(tmp_path), False, Cuts(val_fraction=0.5), (0.5,), (0.25,))
    assert data.val is not None
    assert (len(data.train), len(data.val), len(data.test)) == (2, 2, 4)
    assert (data.shape, data.mean, data.std) == ((1, 5, 5), (0.5,), (0.25,))
    assert data.classes == ["a", "b"]
