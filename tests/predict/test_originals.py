"""Boxes are written down in the pixels of the pictures as they are."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from PIL import Image

from kdrun.predict.originals import Originals
from kdrun.task.detection import Detection
from kdrun.types import Batch, Outputs

TASK = Detection(("cat", "dog"), (4, 7))


def test_what_was_brought_to_a_size_is_brought_back(tmp_path: Path) -> None:
    for name, size in (("a.png", (128, 64)), ("b.png", (20, 40))):
        Image.new("RGB", size).save(tmp_path / name)
    originals = Originals(TASK, str(tmp_path), ["a.png", "b.png"])
    logits = torch.full((2, 2, 6), -1.0)
    logits[0, 0] = torch.tensor([1, 0.5, 8, 4, 16, 40])  # 64×32 of the 64×64 are the picture
    logits[1, 0] = torch.tensor([0, 0.25, 0, 32, 32, 64])
    given = Batch(torch.zeros(2, 3, 64, 64), torch.zeros(2), torch.tensor([0, 1]))
    back = originals.brought_back(Outputs(logits), given).logits
    assert back[0, 0, 2:].tolist() == [16, 8, 32, 64]  # cut at the border
    assert back[1, 0, 2:].tolist() == [0, 20, 20, 40]
    assert logits[0, 0, 2] == 8
    found = json.loads(originals.results())
    assert found == [
        {"image_id": "a.png", "category_id": 7, "bbox": [16, 8, 16, 56], "score": 0.5},
        {"image_id": "b.png", "category_id": 4, "bbox": [0, 20, 20, 20], "score": 0.25},
    ]


def test_one_picture_has_the_path_itself(tmp_path: Path) -> None:
    Image.new("RGB", (50, 40)).save(tmp_path / "c.png")
    assert Originals(TASK, str(tmp_path / "c.png"), ["c.png"]).sizes == [(40, 50)]
