"""The card says what goes in, what comes out and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
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


@pytest.mark.parametrize(
    "record",
    [
        {"config": {}},
        {"run": [1], "config": 3, "metrics": "no", "task": {"columns": [1]}, "notes": "one"},
        {"run": {}, "config": {"method": {"uses": None}}, "versions": 1, "runtime": {"command": 5}},
    ],
)
def test_a_record_that_lacks_its_parts_is_told_as_far_as_it_goes(
    tmp_path: Path, record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kdrun.export.card.load_record", lambda folder: record)
    network = build(MLP, num_classes=2, shape=(4,), mean=[], std=[])
    file = tmp_path / "student.safetensors"
    weights.save(file, network, "tiny", MLP, classes=["cat", "dog"], shape=(4,))
    export(str(file), "safetensors", str(tmp_path / "out.safetensors"))
    assert "Trained by kdrun." in card_of(tmp_path / "out.safetensors").read_text()
