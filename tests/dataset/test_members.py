"""Arrays are read when they are asked for, and only as large as the file may be."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kdrun.dataset.members import Members
from kdrun.security import bounds


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(bounds.VARIABLE, "1MB")
    return tmp_path / "t.npz"


def declared(shape: str, dtype: str = "|u1", data: bytes = b"") -> bytes:
    """A member whose header says this of its data."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def test_what_nobody_asks_for_is_not_read(path: Path) -> None:
    np.savez_compressed(path, x=np.arange(3), huge=np.zeros(2**24, np.uint8))
    arrays = Members(path)
    assert set(arrays) == {"x", "huge"}
    assert "huge" in arrays
    assert arrays["x"].tolist() == [0, 1, 2]
    assert arrays["x"] is arrays["x"]
    assert arrays.get("y") is None
    with pytest.raises(ValueError, match="huge is unpacked"):
        arrays["huge"]
    bounds.allow("1GB")
    assert len(arrays["huge"]) == 2**24


def test_together_they_are_no_larger_either(path: Path) -> None:
    np.savez_compressed(path, **{f"x{i}": np.zeros(700_000, np.uint8) for i in range(3)})
    arrays = Members(path)
    assert len(arrays["x0"]) == 700_000
    with pytest.raises(ValueError, match="x1 is unpacked"):
        arrays["x1"]


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (declared("(1000000000000,)"), "is not 78 bytes long"),
        (declared("(1000000000000, 0)"), "holds no values"),
        (declared("(1000000000000,)", "|S0"), "holds no values|damaged"),
        (declared("(2,)", "|O"), "Python objects"),
        (declared("(-1,)"), "is damaged"),
        (declared("(" + "(" * 5000), "is damaged"),
        (declared("(" + "9" * 5000 + ",)"), "is damaged"),
        (declared("__import__('os')"), "is damaged"),
        (b"\x93NUMPY\x09\x00", "is damaged"),
        (b"\0", "is damaged"),
        (b"", "is damaged"),
    ],
)
def test_a_malformed_header_is_one_message(path: Path, member: bytes, told: str) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", member)
    with pytest.raises(ValueError, match=told):
        Members(path)["x"]


def test_what_is_cut_off_is_told(path: Path) -> None:
    np.savez(path, x=np.arange(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[:300] + bytes(100) + whole[400:])
    with pytest.raises(ValueError, match="is damaged"):
        Members(path)["x"]
    path.write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="is damaged"):
        Members(path)


def test_a_method_of_packing_that_nobody_knows_is_told(path: Path) -> None:
    np.savez(path, x=np.arange(3))
    whole = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = whole.index(mark) + place
        whole[at : at + 2] = b"\x63\x00"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="is damaged"):
        Members(path)["x"]


def test_fortran_order_and_later_versions_are_read(path: Path) -> None:
    x = np.asfortranarray(np.arange(6).reshape(2, 3))
    content = io.BytesIO()
    np.lib.format.write_array(content, x, version=(2, 0))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", content.getvalue())
    assert Members(path)["x"].tolist() == x.tolist()
