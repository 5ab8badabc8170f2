"""What an image takes is known from its header, and too much is told before it is decoded."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from kdrun.dataset.image import read_image
from kdrun.dataset.inputs import read_inputs
from kdrun.dataset.walk import image_files, leads_out
from kdrun.security import bounds


def png(path: Path, width: int, height: int, colour: int = 2) -> Path:
    """An image of this size, of which not one pixel is there."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize(
    ("width", "height", "colour"), [(13_000, 13_000, 2), (10_000, 10_000, 6), (2**31 - 1, 1000, 0)]
)
def test_many_pixels_are_told_before_they_are_there(
    tmp_path: Path, width: int, height: int, colour: int
) -> None:
    path = png(tmp_path / "x.png", width, height, colour)
    with pytest.raises(bounds.TooLargeError, match=rf"{width:,} x {height:,} pixels.*max_memory="):
        read_image(path, (3, 8, 8))


def test_the_limit_lets_larger_ones_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (300, 300)).save(tmp_path / "x.png")
    monkeypatch.setenv(bounds.VARIABLE, "1MB")
    with pytest.raises(bounds.TooLargeError):
        read_image(tmp_path / "x.png", (1, 8, 8))
    bounds.allow("2MB")
    assert read_image(tmp_path / "x.png", (1, 8, 8)).shape == (8, 8, 1)


def test_a_tile_counts_that_is_larger_than_its_image(tmp_path: Path) -> None:
    path, side = tmp_path / "x.tif", 60_000
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 277: 1, 322: side, 323: side, 324: 0, 325: 9}
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + fields + bytes(4))
    with pytest.raises(ValueError, match="of memory"):
        read_image(path, (3, 8, 8))


def test_of_many_frames_one_is_read(tmp_path: Path) -> None:
    first, *others = (Image.new("L", (16, 16), grey) for grey in range(0, 250, 5))
    first.save(tmp_path / "x.gif", save_all=True, append_images=others * 40)
    assert read_image(tmp_path / "x.gif", (1, 16, 16)).max() == 0


def test_what_is_no_plain_file_is_told_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(ValueError, match="no plain file"):
        read_image(tmp_path / "x.png", (3, 8, 8))
    with pytest.raises(ValueError, match="no plain file"):
        read_inputs(tmp_path / "x.png", (3, 8, 8))


def test_links_that_lead_out_are_told_and_a_circle_of_them_ends(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    for place in (home / "a", other):
        place.mkdir(parents=True)
        Image.new("L", (8, 8)).save(place / "x.png")
    assert leads_out(home, image_files(home)) is None
    (home / "a" / "again").symlink_to(home)
    (home / "inside.png").symlink_to(home / "a" / "x.png")
    assert leads_out(home, image_files(home)) is None
    (home / "b").symlink_to(other)
    (home / "c.png").symlink_to(other / "x.png")
    files = image_files(home)
    assert len(files) == 4
    told = leads_out(home, files)
    assert told is not None
    assert told.startswith("2 files of ")
    assert f"{home}/b/x.png is {other}/x.png" in told
