from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.dataset.npz import npz
from kdrun.types import Arrays, Dataset, Split

Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a sound file but for the arrays given; None leaves one out."""

    def write(**changed: Any) -> str:
        random = np.random.default_rng(0)
        arrays = {
            "x_train": random.integers(0, 256, (20, 6, 6, 3), dtype=np.uint8),
            "y_train": np.arange(20) % 4,
            "x_test": random.integers(0, 256, (8, 6, 6, 3), dtype=np.uint8),
            "y_test": np.arange(8) % 4,
            **changed,
        }
        path = tmp_path / "data.npz"
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return str(path)

    return write


def inputs(split: Split | None) -> Tensor:
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, Tensor)
    return split.inputs


def rows(count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(count).standard_normal((count, 5))


def test_images_come_channels_first_however_they_are_stored(save: Save) -> None:
    last = np.random.default_rng(1).integers(0, 256, (8, 6, 6, 3), dtype=np.uint8)
    expected = torch.from_numpy(last.transpose(0, 3, 1, 2).copy())
    for stored in (last, last.transpose(0, 3, 1, 2), last.astype(np.int64)):
        data = npz(save(x_test=stored), val_fraction=0.2)
        assert torch.equal(inputs(data.test), expected)
        assert data.shape == (3, 6, 6)
        assert inputs(data.train).dtype == torch.uint8
        assert (len(data.train), len(inputs(data.val)), len(data.mean)) == (16, 4, 3)
        assert data.classes == ["0", "1", "2", "3"]


def test_grey_images_need_no_channel(save: Save) -> None:
    grey = np.zeros((20, 6, 6), np.uint8), np.zeros((8, 6, 6, 1), np.uint8)
    assert npz(save(x_train=grey[0], x_test=grey[1])).shape == (1, 6, 6)


def test_rows_are_float32_without_mean(save: Save) -> None:
    data = npz(save(x_train=rows(20), x_test=rows(8)), val_fraction=0)
    assert data.shape == (5,)
    assert torch.equal(inputs(data.train), torch.from_numpy(rows(20)).float())
    assert data.mean == data.std == ()


def test_a_validation_split_and_names_of_its_own_are_used(save: Save) -> None:
    x_val, y_val = np.zeros((3, 6, 6, 3), np.uint8), np.array([[0], [1], [2.0]])
    data = npz(save(x_val=x_val, y_val=y_val, classes=np.array(["a", "b", "c", "d"])))
    assert isinstance(data, Dataset)
    assert data.val is not None
    assert data.val.targets.tolist() == [0, 1, 2]
    assert len(data.train) == 20
    assert data.classes == ["a", "b", "c", "d"]


def test_a_part_of_the_training_data_holds_every_class(save: Save) -> None:
    assert sorted(npz(save(), train_size=4).train.targets.tolist()) == [0, 1, 2, 3]


def with_fault(value: float) -> np.ndarray[Any, Any]:
    array = rows(20)
    array[3, 2] = value
    return array


LABELS = np.arange(20) % 4
SHADES = np.linspace(0, 255, 20 * 6 * 6 * 3).astype(int).reshape(20, 6, 6, 3)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"x_train": None}, "no array 'x_train'"),
        ({"y_test": None, "Y_test": LABELS}, "'y_test', but Y_test, x_test, x_train, y_train"),
        ({"x_train": with_fault(np.nan), "x_test": rows(8)}, r"x_train\[3, 2\] is nan"),
        ({"x_train": with_fault(-np.inf), "x_test": rows(8)}, r"x_train\[3, 2\] is -inf"),
        ({"x_train": with_fault(1e300), "x_test": rows(8)}, r"is 1e\+300: .* finite in float32"),
        ({"y_train": LABELS + 0.5}, r"y_train\[0\] is 0.5: a label is a whole number"),
        ({"y_train": LABELS - 1}, r"y_train\[0\] is -1"),
        ({"y_train": np.where(LABELS > 2, np.nan, 0)}, r"y_train\[3\] is nan"),
        ({"y_train": np.array(["a", "b"] * 10)}, "number from 0"),
        ({"y_train": np.eye(20)}, r"shape \(20, 20\)"),
        ({"y_train": LABELS[:7]}, "x_train has 20 samples and y_train 7 labels"),
        ({"x_train": np.zeros((0, 5)), "y_train": np.zeros(0)}, "at least one"),
        ({"y_test": np.full(8, 4)}, r"y_test\[0\] is 4, but 'y_train' tells of 4 classes"),
        ({"classes": np.array(["a", "b"])}, r"'classes' tells of 2 classes: allowed are 0 to 1"),
        ({"x_test": np.zeros((8, 5, 5, 3), np.uint8)}, r"\(3, 5, 5\), x_train \(3, 6, 6\)"),
        ({"x_train": np.zeros((20, 6, 6, 3))}, "float64 images"),
        ({"x_train": np.full((20, 6, 6, 3), 256)}, "int64 images"),
        ({"x_train": SHADES / 255}, "float64 images of 0 to 1, .*: multiply by 255; then x.round"),
        ({"x_train": SHADES / 127.5 - 1}, r"add 1 and multiply by 127\.5"),
        ({"x_train": SHADES.astype(np.float32)}, r"of 0 to 255, .*: nothing to scale; then"),
        ({"x_train": SHADES / 51 - 2}, "undo the normalisation.* no images, give rows"),
        ({"x_train": SHADES * 257}, "of 0 to 65535, .*: divide by 257, as of 16 bits"),
        ({"x_train": SHADES * 16}, "of 0 to 4080, .*: divide by 16, as of 12 bits"),
        ({"x_train": (SHADES - 128).astype(np.int8)}, "of -128 to 127, .*: add 128"),
        ({"x_train": np.where(SHADES > 200, np.nan, SHADES)}, "with NaN or infinity"),
        ({"y_train": np.eye(4)[LABELS]}, r"y_train\.argmax\(1\), if it is one-hot"),
        (
            {"classes": np.array(["a", "b", "b", "c"])},
            r"classes\[1\] and classes\[2\] are both 'b'",
        ),
        ({"classes": np.array(list("abcd")), "y_train": LABELS + 1}, "subtract 1 if yours begin"),
        ({"x_train": np.zeros((20, 6, 6, 4), np.uint8)}, r"shape \(20, 6, 6, 4\)"),
        ({"x_train": np.zeros(20)}, r"shape \(20,\)"),
        ({"x_train": np.array(["a"] * 20)}, "not numbers"),
        ({"x_val": np.zeros((3, 6, 6, 3), np.uint8)}, "no array 'y_val'"),
        ({"classes": np.array(["a", None])}, "Python objects"),
        ({"x_train": np.array([{}] * 20)}, "unpickling runs code"),
    ],
)
def test_a_fault_is_told_with_its_place(save: Save, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        npz(save(**changed))


def test_names_of_classes_may_be_bytes_or_numbers(save: Save) -> None:
    named = ["K\xe4se", "b", "c", "d"]
    told = np.array([name.encode() for name in named])
    assert npz(save(classes=told)).classes == named
    assert npz(save(classes=np.array([7, 8, 9, 10]))).classes == ["7", "8", "9", "10"]


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({}, None),
        ({"y_val": LABELS, "extra": LABELS}, "arrays not read: extra, y_val"),
        ({"y_train": LABELS + 1, "y_test": np.arange(8) % 4 + 1}, "the least label is 1, .*from 0"),
        ({"x_train": SHADES > 128}, "no pixel is above 1, and white is 255"),
        (
            {"x_train": SHADES.reshape(20, 3, 12, 3), "x_test": SHADES[:8].reshape(8, 3, 12, 3)},
            r"\(20, 3, 12, 3\) are read as \(N, H, W, C\)",
        ),
    ],
)
def test_what_is_assumed_is_told(save: Save, changed: dict[str, Any], note: str | None) -> None:
    notes = npz(save(**changed)).notes
    assert len(notes) == (note is not None)
    assert note is None or re.search(note, notes[0])


def test_other_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*data\.npz"):
        npz(str(tmp_path / "data.npz"))
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("x_train")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("one.npy", "text.npz", "empty.npz"):
        with pytest.raises(ValueError, match=rf"{name} is not an \.npz file"):
            npz(str(tmp_path / name))


def test_a_damaged_file_is_told(save: Save) -> None:
    path = Path(save())
    whole = bytearray(path.read_bytes())
    whole[300:310] = bytes(255 - byte for byte in whole[300:310])
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"data\.npz is damaged .*CRC"):
        npz(str(path))
    path.write_bytes(whole[:200])
    with pytest.raises(ValueError, match=r"data\.npz is not an \.npz file"):
        npz(str(path))


def test_usps_is_read_in_full(real_data: Path) -> None:
    if not (real_data / "usps.npz").is_file():
        pytest.skip(f"no usps.npz in {real_data}")
    data = npz(str(real_data / "usps.npz"), val_fraction=0)
    assert (len(data.train), len(data.test), data.shape) == (7291, 2007, (1, 16, 16))


def test_labels_can_be_hidden_from_training(save: Save) -> None:
    path = save()
    none = npz(path, labels="none", val_fraction=0.2)
    assert none.val is None
    assert none.train.targets.unique().tolist() == [-1]
    assert none.test.targets.tolist() == npz(path).test.targets.tolist()
    some = npz(path, labels=8)
    assert some.val is None
    assert len(some.train) == 20
    known = some.train.targets[some.train.targets >= 0]
    assert known.bincount().tolist() == [2, 2, 2, 2]
    with pytest.raises(ValueError, match=r"dataset\.labels=nobody"):
        npz(path, labels="nobody")  # type: ignore[arg-type]
