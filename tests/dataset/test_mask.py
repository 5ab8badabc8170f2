"""One mask: numbers, palettes, colours, and its size as it is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdrun.dataset.mask import Reading, read_mask, size_of


def test_a_palette_counts_by_its_numbers_not_by_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8))
    image.putpalette([9, 9, 9] * 256)
    image.save(tmp_path / "m.png")
    assert read_mask(str(tmp_path / "m.png"), (2, 2), Reading()).tolist() == [[0, 1], [2, -1]]
    void = Reading(void=(0, 2))
    assert read_mask(str(tmp_path / "m.png"), (2, 2), void).tolist() == [[-1, 1], [-1, 255]]


def test_colours_are_told_apart_to_the_last_level(tmp_path: Path) -> None:
    Image.fromarray(np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8)).save(tmp_path / "m.png")
    reading = Reading({"a": [1, 2, 4], "void": [1, 2, 3]})
    assert reading.names == ["a"]
    assert read_mask(str(tmp_path / "m.png"), (1, 2), reading).tolist() == [[-1, 0]]


def test_a_size_is_that_of_the_picture_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (8, 6)).save(tmp_path / "p.jpg", exif=exif)
    assert size_of(str(tmp_path / "p.jpg")) == (8, 6)
    Image.new("RGB", (8, 6)).save(tmp_path / "q.jpg")
    assert size_of(str(tmp_path / "q.jpg")) == (6, 8)
    with pytest.raises(ValueError, match="no plain file"):
        size_of(str(tmp_path))
