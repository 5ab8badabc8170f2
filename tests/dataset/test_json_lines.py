"""Lines that take more than they seem to are told before they are parsed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kdrun.dataset.json_lines import check_keys, read_json_lines
from kdrun.security import bounds


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(bounds.VARIABLE, "1MB")
    return tmp_path / "t.jsonl.gz"


def test_lines_are_read(path: Path) -> None:
    path.write_bytes(gzip.compress(b'{"a": 1}\r\n\n{"a": [2]}'))
    assert read_json_lines(path) == [{"a": 1}, {"a": [2]}]


@pytest.mark.parametrize(
    "line", [b"{}\n", b'{"a":[' + b"[]," * 9 + b"[]]}\n", b'{"a":"' + b"x" * 40 + b'"}\n'],
    ids=["objects", "lists", "text"],
)  # fmt: skip
def test_many_are_refused(path: Path, line: bytes) -> None:
    path.write_bytes(gzip.compress(line * 20_000))
    with pytest.raises(ValueError, match=r"20,000 lines, .* max_memory=1GB"):
        read_json_lines(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[" * 5_000, "line 2 is nested too deeply"),
        (b"9" * 5000, "line 2 is no JSON: Exceeds"),
        (b"\xff\xfe", "line 2 is no JSON"),
        (b"\0", "binary data"),
        (b"3", "no JSON object but"),
    ],
)
def test_what_is_no_object_is_told_with_its_line(path: Path, line: bytes, told: str) -> None:
    path.write_bytes(gzip.compress(b"{}\n" + line))
    with pytest.raises(ValueError, match=told):
        read_json_lines(path)


def test_a_key_for_each_line_is_refused(path: Path) -> None:
    path.write_bytes(gzip.compress(b"".join(b'{"%d":1}\n' % i for i in range(2000))))
    rows = read_json_lines(path)
    with pytest.raises(ValueError, match="2,000 lines with 2,000 keys"):
        check_keys(path, rows)
