from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from kdrun.task.boxes import Boxes
from kdrun.task.overlay import Overlays, as_bytes, blended, framed, sure
from kdrun.task.pixels import Pixels
from kdrun.types import Batch, Outputs

GREY = torch.full((1, 6, 8, 3), 100, dtype=torch.uint8)


def test_a_mask_tints_its_picture_and_void_does_not() -> None:
    masks = torch.full((1, 6, 8), -1)
    masks[0, 0, :2] = torch.tensor([0, 1])  # black, and dark red
    shown = blended(GREY, masks)[0]
    assert shown[0, 0].tolist() == [50, 50, 50]
    assert shown[0, 1].tolist() == [114, 50, 50]
    assert bool((shown[1:] == 100).all())


def test_a_frame_is_around_a_box_and_the_best_is_on_top() -> None:
    boxes = torch.tensor([[[0, 1, 1, 5, 5], [1, 1, 1, 5, 3], [-1, 0, 0, 8, 6], [2, 9, 9, 9, 9.0]]])
    shown = framed(GREY, boxes)[0]
    assert shown[1, 1].tolist() == shown[4, 4].tolist() == shown[2, 1].tolist() == [255, 0, 0]
    assert shown[2, 2].tolist() == [0, 255, 0]
    assert bool((shown[0] == 100).all())
    assert bool((shown[3, 2:4] == 100).all())
    assert int((shown != 100).any(2).sum()) == 12 + 2


def test_only_sure_boxes_are_drawn() -> None:
    found = torch.tensor([[[1, 0.9, 1, 1, 5, 5], [0, 0.1, 1, 1, 5, 3.0]]])
    assert sure(found)[0, :, 0].tolist() == [1, -1]
    assert sure(found)[0, 0, 1:].tolist() == [1, 1, 5, 5]


def test_grey_pictures_become_rgb() -> None:
    assert as_bytes(torch.ones(2, 1, 4, 5)).shape == (2, 4, 5, 3)


def batch(target: torch.Tensor) -> Batch:
    return Batch(torch.zeros(len(target), 3, 32, 32), target, torch.arange(len(target)))


def test_the_first_pictures_of_a_split_are_written(tmp_path: Path) -> None:
    pixels, boxes = Pixels(["a", "b"]), Boxes(["a", "b"])
    scores = torch.zeros(5, 2, 32, 32)
    rows = torch.zeros(5, 1, 6)
    for _ in range(3):
        pixels.add(Outputs(scores), Outputs(scores), batch(torch.zeros(5, 32, 32).long()))
        boxes.add(Outputs(rows), None, batch(rows))
    for name, tally, columns in (("pixels", pixels, 4), ("boxes", boxes, 3)):
        (tmp_path / name).mkdir()
        tally.write(tmp_path / name)
        with Image.open(tmp_path / name / "examples.png") as page:
            assert page.size == (6 + columns * (96 + 6), 14 + 6 + 8 * (96 + 14 + 6))
            assert np.asarray(page).min() == 0
    Overlays(blended).write(tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
