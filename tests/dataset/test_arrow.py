"""A picture in an Arrow file is read at its address."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kdrun.dataset.arrow import address, digests, located, opened


def arrow(path: Path, cells: list[bytes | None]) -> str:
    import pyarrow

    column = pyarrow.array([{"bytes": cell, "path": None} for cell in cells])
    table = pyarrow.table({"a:b": column})
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    return str(path)


def test_an_address_is_read_back(tmp_path: Path) -> None:
    file = arrow(tmp_path / "with:colon.arrow", [b"one", b"two"])
    path = address(1, "a:b", file)
    assert located(path) == (1, "a:b", file)
    source, whole = opened(path)
    assert (source.read(), whole) == (b"two", file)
    assert digests([path]) == [hashlib.sha256(b"two").hexdigest()]


def test_a_path_is_a_path(tmp_path: Path) -> None:
    file = tmp_path / "1.png"
    file.write_bytes(b"x")
    assert located(file) is None
    assert opened(file) == (file, file)
    assert digests([str(file)]) == [hashlib.sha256(b"x").hexdigest()]


def test_a_row_without_a_picture_is_told(tmp_path: Path) -> None:
    file = arrow(tmp_path / "1.arrow", [None])
    with pytest.raises(ValueError, match=r"row 0 of .*1\.arrow holds no picture"):
        opened(address(0, "a:b", file))
