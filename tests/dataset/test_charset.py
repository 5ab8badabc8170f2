from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdrun.dataset.charset import find_charset, read_text

TEXT = "Größe,Preis\ngroß,3 €\n"


def test_what_a_file_was_saved_in_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for charset in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"):
        path.write_bytes(TEXT.encode(charset))
        assert read_text(path) == (TEXT, charset)
    path.write_bytes("größer\n".encode("latin-1"))
    assert read_text(path) == ("größer\n", "cp1252")  # has the same letters
    path.write_bytes("цена\n".encode("cp1251"))
    assert read_text(path, "cp1251") == ("цена\n", "cp1251")


@given(st.text(st.characters(codec="ascii", exclude_characters="\0\x1a"), min_size=8))
def test_ascii_is_the_same_in_every_charset(text: str) -> None:
    for charset in ("utf-8", "utf-16", "utf-16-le", "utf-16-be"):
        content = text.encode(charset)
        assert content.decode(find_charset(content, "t")) == text


@pytest.mark.parametrize("pack", [gzip, bz2, lzma])
def test_packed_files_are_unpacked(tmp_path: Path, pack) -> None:
    ending = {gzip: "gz", bz2: "bz2", lzma: "xz"}[pack]
    path = tmp_path / f"t.csv.{ending}"
    path.write_bytes(pack.compress(TEXT.encode()))
    assert read_text(path) == (TEXT, "utf-8")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is damaged"):
        read_text(path)


@pytest.mark.parametrize(
    ("content", "charset", "told"),
    [
        (b"PK\x03\x04\x00\x00a,b", None, "no text but binary"),
        (
            "aé bé cé".encode() + b"\n\xff",
            None,
            "UTF-8 but for 1 bytes, the first, 0xff, in line 2",
        ),
        (b"a\n\x81\n", None, "line 2 is not cp1252: byte 0x81"),
        (b"a\n\xff\n", "utf-8", "line 2 is not utf-8"),
        (b"a", "utf-88", "charset=utf-88 is no encoding"),
        (b"a", "base64", "charset=base64 is no encoding"),
    ],
)
def test_what_is_no_text_is_told(
    tmp_path: Path, content: bytes, charset: str | None, told: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_text(path, charset)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_text(tmp_path / "u.csv")
