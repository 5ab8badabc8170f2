"""RT-DETR of transformers: what it finds, and what it learns by."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from kdrun.loss.pkd import PKD
from kdrun.model import build
from kdrun.model.rt_detr import RTDETR, middles
from kdrun.task.detection import Detection, stacked
from kdrun.types import Batch

TINY: dict[str, Any] = {
    "backbone_config": {
        **{"model_type": "rt_detr_resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 16]},
        **{"depths": [1, 1, 1, 1], "layer_type": "basic", "out_indices": [2, 3, 4]},
    },
    **{"encoder_in_channels": [8, 16, 16], "encoder_hidden_dim": 16, "encoder_ffn_dim": 16},
    **{"encoder_attention_heads": 2, "d_model": 16, "num_queries": 10, "decoder_ffn_dim": 16},
    **{"decoder_in_channels": [16, 16, 16], "decoder_layers": 1, "decoder_attention_heads": 2},
    "num_denoising": 4,
}
TASK = Detection(("cat", "dog", "cow"))
TARGETS = stacked([[[0, 3, 2, 40, 30, 0], [2, 30, 8, 60, 60, 0]], []])


def test_it_learns_in_training_and_finds_boxes_afterwards() -> None:
    torch.manual_seed(0)
    config = {"_target_": "kdrun.model.rt_detr.RTDETR", "settings": TINY}
    made = build(config, num_classes=3, shape=(3, 50, 64), task=TASK)
    made.keep(["features"])
    batch = Batch(torch.rand(2, 3, 50, 64), TARGETS, torch.arange(2))
    learnt = made.train()(batch)
    assert [tuple(level.shape[1:]) for level in learnt.features] == [
        *((16, 8, 8), (16, 4, 4), (16, 2, 2)),
    ]
    TASK.supervised(learnt, batch).backward()
    reached = [p.grad is not None for p in made.parameters()]
    assert sum(reached) > 0.9 * len(reached)
    with torch.no_grad():
        said = made.eval()(batch)
        own = made.net.net(
            pixel_values=torch.nn.functional.pad(made.normalise(batch.input), (0, 0, 0, 14))
        )
    assert said.logits.shape == (2, 30, 6)
    place = own.logits[0].sigmoid().amax(1).argmax()
    best = said.logits[0, 0]
    assert best[0] == own.logits[0, place].argmax()
    assert best[1] == own.logits[0, place].max().sigmoid()
    x, y, w, h = (own.pred_boxes[0, place] * 64).tolist()
    sides = zip((x - w / 2, y - h / 2, x + w / 2, y + h / 2), (64, 50, 64, 50), strict=True)
    expected = [min(max(side, 0), most) for side, most in sides]
    assert best[2:].tolist() == pytest.approx(expected, abs=1e-4)
    assert bool((said.logits[:, 1:, 1] <= said.logits[:, :-1, 1]).all())
    again = RTDETR(3, 3, settings=made.net.described["settings"])
    again.load_state_dict(made.net.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(made.normalise(batch.input)).logits, said.logits)
    loss = PKD()
    loss.build(said, said, TARGETS)
    assert loss(said, said, batch).item() == pytest.approx(0, abs=1e-5)


def test_a_box_by_its_middle() -> None:
    assert middles(torch.tensor([[2.0, 4.0, 6.0, 5.0]])).tolist() == [[4.0, 4.5, 4.0, 1.0]]


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="reads 3 channels, and the data have 1"):
        RTDETR(3, 1)
    with pytest.raises(ValueError, match="has no setting 'queries'"):
        RTDETR(3, 3, settings={"queries": 5})
