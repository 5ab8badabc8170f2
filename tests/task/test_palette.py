"""Masks as pictures: numbers kept, colours those of Pascal VOC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from kdrun.task.palette import colours, write_mask


def test_colours_are_those_of_pascal_voc() -> None:
    assert colours(6) == [
        *((0, 0, 0), (128, 0, 0), (0, 128, 0)),
        *((128, 128, 0), (0, 0, 128), (128, 0, 128)),
    ]
    assert len(set(colours())) == 256


def test_a_mask_keeps_its_numbers(tmp_path: Path) -> None:
    mask = torch.tensor([[0, 1, 2], [3, -1, 254]])
    write_mask(tmp_path / "m.png", mask)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        assert np.asarray(image).tolist() == [[0, 1, 2], [3, 255, 254]]
        assert image.convert("RGB").getpixel((1, 0)) == (128, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]
