"""Arrays of files become images, rows, labels and names, or are refused with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.dataset.arrays import (
    Array,
    pack,
    read_npz,
    require,
    to_inputs,
    to_labels,
    to_names,
    unpack,
)

GREY = np.arange(2 * 4 * 5).reshape(2, 4, 5)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16])
def test_images_are_channels_first_bytes_however_they_lie(kind: type) -> None:
    grey = to_inputs(GREY.astype(kind), "x")
    assert (grey.shape, grey.dtype) == ((2, 1, 4, 5), torch.uint8)
    assert grey[1, 0, 3, 4] == 39
    last = np.stack([GREY, GREY + 1, GREY + 2], axis=3).astype(kind)
    first = last.transpose(0, 3, 1, 2)
    assert torch.equal(to_inputs(last, "x"), to_inputs(first, "x"))
    assert to_inputs(last, "x")[0, :, 0, 0].tolist() == [0, 1, 2]


def test_where_both_are_possible_channels_are_last() -> None:
    either = np.zeros((2, 3, 7, 3), np.uint8)
    assert to_inputs(either, "x").shape == (2, 3, 3, 7)


def test_rows_are_float32_and_finite_there() -> None:
    rows = to_inputs(np.array([[True, False]]), "x")
    assert (rows.dtype, rows.tolist()) == (torch.float32, [[1, 0]])
    for value in (np.nan, np.inf, 1e300):
        with pytest.raises(ValueError, match=r"x\[1, 0\] is .*: values must be finite"):
            to_inputs(np.array([[0.0], [value]]), "x")


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (GREY / 39, "multiply by 255"),
        (GREY / 20 - 1, "add 1 and multiply by 127.5"),
        (GREY * 1.0, "nothing to scale"),
        (GREY * 100, "divide by 16, as of 12 bits"),
        (GREY * 1000, "divide by 257, as of 16 bits"),
        (GREY - 20, "add 128, if black is -128"),
        (GREY / 3 - 7, "undo the normalisation"),
        (GREY * np.nan, "NaN or infinity"),
    ],
)
def test_pixels_that_are_none_are_told_how_to_become_some(images: Array, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        to_inputs(images, "x")


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.array(["a"]), "x holds <U1, not numbers"),
        (np.zeros(3), r"the shape \(3,\): give rows"),
        (np.zeros((2, 4, 5, 4), np.uint8), r"the shape \(2, 4, 5, 4\)"),
    ],
)
def test_what_is_neither_images_nor_rows_is_told(array: Array, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        to_inputs(array, "x")


def test_labels_are_whole_numbers_from_zero() -> None:
    assert to_labels(np.array([[0.0], [2.0]]), "y").tolist() == [0, 2]
    assert to_labels(np.array([True, False]), "y").dtype == torch.int64
    for array, told in (
        (np.array(["cat"]), "y holds <U3: give each class a number from 0"),
        (np.eye(3), r"y.argmax\(1\), if it is one-hot"),
        (np.ones((3, 2)), r"the shape \(3, 2\): give one label a sample, \(N,\)\."),
        (np.array([0, -1, 1.5, np.nan]), r"y\[1\] is -1.0: .* 3 labels are not"),
    ):
        with pytest.raises(ValueError, match=told):
            to_labels(array, "y")


def test_names_are_each_of_one_class() -> None:
    assert to_names(np.array([b"\xc3\xa4", b"\xff"]), "classes") == ["ä", "\\xff"]
    assert to_names(np.array([[3, 1]]), "classes") == ["3", "1"]
    with pytest.raises(ValueError, match=r"classes\[0\] and classes\[2\] are both 'a'"):
        to_names(np.array(["a", "b", "a"]), "classes")


def test_an_array_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.zeros(1), x=np.ones(2))
    arrays = read_npz(tmp_path / "a.npz")
    assert require(arrays, "x", "a.npz").tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"a.npz holds no array 'z', but x, y: save it"):
        require(arrays, "z", "a.npz")
    with pytest.raises(ValueError, match="but nothing"):
        require({}, "z", "a.npz")
    (tmp_path / "b.npz").write_text("no")
    with pytest.raises(ValueError, match=r"is not an .npz file"):
        read_npz(tmp_path / "b.npz")
    with pytest.raises(FileNotFoundError, match=r"give one that numpy.savez wrote"):
        read_npz(tmp_path)


def test_packed_arrays_keep_their_bits() -> None:
    for array in (torch.randn(3, 2).numpy(), torch.randn(4).double().numpy(), GREY.T):
        again = unpack(json.loads(json.dumps(pack(array))))
        assert again.dtype == array.dtype
        assert np.array_equal(again, array)
