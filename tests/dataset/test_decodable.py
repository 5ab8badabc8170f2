"""Every image file is decoded once, whoever asks again, and a damaged one is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from kdrun.dataset import decodable
from kdrun.dataset.decodable import refuse_damaged


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path in paths:
        Image.new("L", (9, 9)).save(path)
    return paths


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which files were decoded."""
    real, seen = decodable._fault, []

    def fault(path: str) -> str | None:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(decodable, "_fault", fault)
    return seen


def test_sound_files_are_looked_at_once(images: list[str], decoded: list[str]) -> None:
    refuse_damaged("root", images)
    assert sorted(decoded) == images
    refuse_damaged("root", images)
    assert len(decoded) == 3
    Image.new("L", (7, 9)).save(images[1])
    refuse_damaged("root", images)
    assert decoded[3:] == [images[1]]
    refuse_damaged("other", images)  # another folder has a memory of its own
    assert len(decoded) == 7


def test_damaged_files_are_counted_and_the_first_is_named(images: list[str]) -> None:
    for path in images[1:]:
        Path(path).write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"1\.png cannot be read.*1 more cannot be read either\."):
        refuse_damaged("root", images)
    Image.new("L", (9, 9)).save(images[1])
    with pytest.raises(ValueError, match=r"2\.png cannot be read") as error:
        refuse_damaged("root", images)
    assert "more" not in str(error.value)


def test_nothing_is_remembered_of_a_folder_with_a_damaged_file(
    images: list[str], decoded: list[str]
) -> None:
    Path(images[0]).write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot be read"):
            refuse_damaged("root", images)
    assert len(decoded) == 6


def test_a_memory_that_cannot_be_read_or_written_is_no_fault(
    images: list[str], decoded: list[str], tmp_path: Path
) -> None:
    refuse_damaged("root", images)
    (store,) = (tmp_path / "cache" / "kdrun" / "images").iterdir()
    store.write_bytes(b"\xff\xfe\x00")
    refuse_damaged("root", images)
    assert len(decoded) == 6
    os.environ["XDG_CACHE_HOME"] = images[0]  # a file
    refuse_damaged("root", images)
    assert len(decoded) == 9
