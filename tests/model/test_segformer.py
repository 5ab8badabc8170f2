"""SegFormer of transformers: fresh, from a folder, and made again from what a file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from kdrun.model import build
from kdrun.model.segformer import SegFormer
from kdrun.task.segmentation import Segmentation
from kdrun.types import Batch

TINY: dict[str, Any] = {
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [8, 8, 16, 16],
    "num_attention_heads": [1, 1, 2, 2],
    "decoder_hidden_size": 12,
}
TASK = Segmentation(("sky", "road", "tree"))


def test_scores_are_those_of_transformers_and_stages_are_maps() -> None:
    torch.manual_seed(0)
    config = {"_target_": "kdrun.model.segformer.SegFormer", "settings": TINY}
    made = build(config, num_classes=3, shape=(3, 32, 64), task=TASK)
    made.keep(["features"])
    batch = Batch(torch.rand(2, 3, 32, 64), torch.zeros(2, 32, 64).long(), torch.arange(2))
    said = made.eval()(batch)
    assert torch.equal(said.logits, made.net.net(made.normalise(batch.input)).logits)
    assert [tuple(stage.shape[1:]) for stage in said.features] == [
        *((8, 8, 16), (8, 4, 8), (16, 2, 4), (16, 1, 2)),
        (12, 8, 16),
    ]
    TASK.supervised(made.train()(batch), batch).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())


def test_from_a_folder_with_a_new_classifier_and_again_without_it(tmp_path: Path) -> None:
    SegFormer(5, 3, settings=TINY).net.save_pretrained(tmp_path / "own")
    loaded = SegFormer(3, 3, name=str(tmp_path / "own"), pretrained=True).eval()
    assert loaded.input_mean == (0.485, 0.456, 0.406)
    fresh = SegFormer(5, 3, name=str(tmp_path / "own"))
    own, other = loaded.net.segformer.state_dict(), fresh.net.segformer.state_dict()
    assert own.keys() == other.keys()
    again = SegFormer(3, 3, settings=loaded.described["settings"]).eval()
    again.load_state_dict(loaded.state_dict())
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(again(x), loaded(x))


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no setting 'depth'"):
        SegFormer(3, 3, settings={"depth": [1]})
    with pytest.raises(ValueError, match=r"give its model\.name"):
        SegFormer(3, 3, pretrained=True)
    with pytest.raises(ValueError, match="no such folder"):
        SegFormer(3, 3, name=str(tmp_path / "none" / "there"))
