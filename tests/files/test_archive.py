"""Files of weights from anywhere are plain data."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kdrun.files.archive import Archive, Kind, look, number, read_archive, read_torch


def test_both_kinds_of_file_give_the_same_tensors(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(3.0)}
    torch.save(tensors, tmp_path / "a.pt")
    save_file(tensors, tmp_path / "a.safetensors", metadata={"n": "3", "word": "{"})
    for name in ("a.pt", "a.safetensors"):
        assert torch.equal(read_archive(tmp_path / name).tree["a"], tensors["a"])
    assert read_archive(tmp_path / "a.safetensors").said == {"n": 3, "word": "{"}


def test_settings_beside_weights_are_plain(tmp_path: Path) -> None:
    args = argparse.Namespace(lr=0.1, path=Path("a/b"))
    state = {"args": args, "best": np.float64(0.5), "epoch": 3, "w": torch.zeros(1)}
    torch.save(state, tmp_path / "a.pt")
    tree = read_archive(tmp_path / "a.pt").tree
    assert tree["args"]["lr"] == 0.1
    assert tree["args"]["path"].endswith("a/b")
    assert (tree["best"], tree["epoch"]) == (0.5, 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com", "pointer of Git LFS"),
        (b" <!DOCTYPE html>", "is a web page"),
        (b"\x89HDF\r\n", "is HDF5"),
        (b"GIF89a", "is neither a safetensors file nor one that torch saved"),
        (b"PK\x03\x04" + b"\0" * 50, "is not a readable checkpoint"),
        (b"\x05\0\0\0\0\0\0\0{}{}{", "is not a whole safetensors file"),
    ],
)
def test_what_holds_no_weights_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_archive(path)


def test_a_pickle_is_named_and_torchs_advice_is_not_repeated(tmp_path: Path) -> None:
    torch.save({"f": pickle.Pickler}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"holds more than tensors.* and is not run") as told:
        read_torch(tmp_path / "a.pt")
    assert "weights_only" not in str(told.value)


@pytest.mark.parametrize(("value", "told"), [([1], "a list"), (3, "a number"), ("x", "a str")])
def test_what_is_no_state_is_told(tmp_path: Path, value: Any, told: str) -> None:
    torch.save(value, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=f"holds {told}, not a state_dict"):
        read_archive(tmp_path / "a.pt")


def test_an_onnx_file_is_told_where_to_go(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\x08\x01")
    with pytest.raises(ValueError, match="teacher=onnx"):
        look(tmp_path / "a.onnx")


def test_mappings_are_found_once_and_not_below_tensors() -> None:
    inner = {"lr": 1}
    tree: dict[str, Any] = {"a": inner, "b": inner, "w": {"x": torch.zeros(1), "y": {"z": 1}}}
    assert [*Archive(tree, {"said": 1}).mappings()] == [{"said": 1}, tree, inner]


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("f8", np.float64(0.5).tobytes(), 0.5),
        ("i4", b"\x01\0\0\0", 1),
        ("f8", b"\0", None),
        ("O", b"\0" * 8, None),
        ("V8", b"\0" * 8, None),
        ("i4" * 9, b"\0" * 4, None),
    ],
)
def test_numbers_of_numpy_are_read_without_its_classes(kind: str, raw: bytes, value: Any) -> None:
    assert number(Kind(kind), raw) == value
