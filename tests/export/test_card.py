"""The card says what goes in, what comes out and what was measured."""

from __future__ import annotations

from pathlib import Path

import torch

from kdrun.export import card_of, export
from kdrun.model import build, weights

MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]}


def test_a_card_lies_beside_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(MLP, num_classes=2, shape=(3, 8, 8), mean=[0.5] * 3, std=[0.2] * 3)
    file = tmp_path / "student.safetensors"
    weights.save(
        file, network, "tiny", MLP, classes=["cat", "dog"], shape=(3, 8, 8),
        reader={"crop_pct": 0.8},
    )  # fmt: skip
    out = tmp_path / "tiny.safetensors"
    export(str(file), "safetensors", str(out))
    text = card_of(out).read_text()
    assert text.startswith("---\nlibrary_name: pytorch\n")
    assert "RGB images (N, 3, 8, 8), float32 from 0 to 1" in text
    assert "its shorter side has 10 pixels; the middle 8x8 cut out" in text
    assert "classes, in this order: cat, dog" in text
    assert "nothing is known of its run" in text
    export(str(file), "safetensors", str(out), backbone=True)
    text = card_of(out).read_text()
    assert "embedding (N, 4)" in text
    assert "classes" not in text
