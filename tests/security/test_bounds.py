"""What a file may take of memory, and what it takes is known before it is taken."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from pathlib import Path

import pytest

from kdrun.security import bounds


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(bounds.VARIABLE, "1MB")


@pytest.mark.parametrize(
    ("text", "size"), [("8GB", 8 * 2**30), ("500 mb", 500 * 2**20), ("1.5TB", 1.5 * 2**40)]
)
def test_the_limit_is_a_number_and_a_unit(text: str, size: float) -> None:
    bounds.allow(text)
    assert bounds.limit() == size


@pytest.mark.parametrize("text", ["8", "GB", "-1GB", "1e9GB", "inf", "9" * 5000 + "GB", "", "8PB"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give a number and a unit"):
        bounds.allow(text)
    assert bounds.limit() == 2**20


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_packed_files_are_read_as_far_as_they_may(tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(pack(b"abc" * 1000))
    assert bounds.read(path) == b"abc" * 1000
    path.write_bytes(pack(bytes(2**24)))
    with pytest.raises(ValueError, match=r"unpacks to more than 1 MB .* max_memory=1GB"):
        bounds.read(path)
    bounds.allow("1GB")
    assert len(bounds.read(path)) == 2**24
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="is damaged"):
        bounds.read(path)


def test_a_large_file_may_take_as_much_as_it_has(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(os.urandom(3 * 2**20))
    assert len(bounds.read(path)) == 3 * 2**20
    bounds.check(path, 29 * 2**20, "it unpacks")
    with pytest.raises(ValueError, match="31 MB of memory"):
        bounds.check(path, 31 * 2**20, "it unpacks")


def test_a_part_of_a_file_is_unpacked_as_far_as_it_may(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"abc")
    assert bounds.inflate(zlib.compress(b"abc"), path, "its reader") == b"abc"
    with pytest.raises(ValueError, match=r"unpacks to more than 1 MB \(its reader\)"):
        bounds.inflate(zlib.compress(bytes(2**24)), path, "its reader")
    for cut in (b"", zlib.compress(bytes(2**10))[:-3], b"abc"):
        with pytest.raises(zlib.error):
            bounds.inflate(cut, path, "its reader")


def test_a_zip_archive_is_judged_by_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", bytes(2**24))
    with pytest.raises(ValueError, match="16 MB of memory"):
        bounds.check_zip(path, "its members")
    path.write_bytes(b"abc")
    bounds.check_zip(path, "its members")  # whoever reads it will say what is wrong


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gz")
    for path in (tmp_path / "pipe.gz", "/dev/zero", tmp_path, tmp_path / "none", "a\0b"):
        assert not bounds.is_plain(path)
        with pytest.raises(FileNotFoundError):
            bounds.read(path)


def test_a_long_header_over_short_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",".join(map(str, range(3000))) + "\n1" * 3000)
    with pytest.raises(ValueError, match="3,000 rows of 3,000 columns"):
        bounds.check_table(path, path.read_text())


def test_only_what_is_typed_raises_it(kdrun) -> None:
    quick = ("teacher=resnet8", "student=linear", "dry_run=true")
    Path("sent/experiment").mkdir(parents=True)
    path = Path("sent/experiment/large.yaml")
    path.write_text("# @package _global_\nmax_memory: 9000GB\n")
    told = kdrun("--config-dir", "sent", "experiment=large", *quick)
    assert (told.status, bounds.limit()) == (2, 2**20)
    assert "no file raises it" in told.err
    assert kdrun("max_memory=3.5GB", *quick).status == 0
    assert bounds.limit() == 3.5 * 2**30
    assert kdrun("max_memory=lots", *quick).status == 2
    assert kdrun("predict", "x", "y", "--max-memory", "lots").status == 2
