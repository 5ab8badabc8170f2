from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from kdrun.dataset.idx import FILES, read_idx, read_idx_folder


def packed(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for key, name in FILES.items():
        shape = (6, 5, 4) if key.startswith("x") else (6,)
        (tmp_path / name).write_bytes(packed(random.integers(0, 10, shape)))
    return tmp_path


def test_what_was_packed_is_read_plain_or_compressed(folder: Path) -> None:
    plain = read_idx_folder(folder)
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    compressed = read_idx_folder(folder)
    assert plain.keys() == compressed.keys()
    for key in plain:
        assert np.array_equal(plain[key], compressed[key])
    assert plain["x_train"].shape == (6, 5, 4)


def test_the_real_mnist_is_read_as_torchvision_reads_it(real_data: Path) -> None:
    from torchvision.datasets import MNIST

    arrays = read_idx_folder(real_data / "MNIST" / "raw")
    expected = MNIST(str(real_data), train=False)
    assert np.array_equal(arrays["x_test"], expected.data.numpy())
    assert np.array_equal(arrays["y_test"], expected.targets.numpy())


def test_a_missing_file_is_told(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte"):
        read_idx_folder(folder)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no idx file"),
        (b"\0\0\x0d\x01\0\0\0\x01....", "no idx file of bytes"),
        (packed(np.zeros((3, 4)))[:-1], "11 bytes where its header tells of 3x4"),
        (b"\0\0\x08\x03\0\0\0\x01", "no idx file"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_idx(path)


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(packed(np.arange(200)))[:-20])
    with pytest.raises(ValueError, match="is damaged"):
        read_idx(path)
