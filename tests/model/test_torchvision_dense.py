"""torchvision's networks for segmentation."""

from __future__ import annotations

import pytest
import torch

from kdrun.model.features import Network
from kdrun.model.torchvision_dense import STAGES, Dense
from kdrun.task.segmentation import Segmentation
from kdrun.types import Batch, Outputs


def test_scores_are_torchvisions_own() -> None:
    torch.manual_seed(0)
    dense = Dense("lraspp_mobilenet_v3_large", 3, 3).eval()
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(dense(x).logits, dense.net(x)["out"])
    assert dense(x).logits.shape == (1, 3, 64, 64)
    assert not any("aux" in name for name, _ in dense.named_parameters())


def test_the_auxiliary_classifier_learns_by_a_weighted_mean_over_pixels_that_count() -> None:
    torch.manual_seed(0)
    dense = Dense("deeplabv3_mobilenet_v3_large", 3, 3, auxiliary=0.4).eval()
    network, x = Network(dense).eval(), torch.rand(2, 3, 32, 32)
    target = torch.randint(-1, 3, (2, 32, 32))
    batch = Batch(x, target, torch.arange(2))
    said = dense(x, target)
    with torch.no_grad():
        total = dict.fromkeys(("out", "aux"), 0.0)
        for name, scores in dense.net(x).items():
            for n, i, j in (target >= 0).nonzero().tolist():
                own = scores[n, :, i, j].double()
                total[name] -= float(own[target[n, i, j]] - own.exp().sum().log())
    count = int((target >= 0).sum())
    assert said.loss is not None
    assert said.loss.item() == pytest.approx(0.4 * total["aux"] / count, rel=1e-5)
    outputs = Outputs(said.logits, loss=said.loss)
    both = Segmentation(("a", "b", "c")).supervised(outputs, batch)
    assert both.item() == pytest.approx((total["out"] + 0.4 * total["aux"]) / count, rel=1e-5)
    both.backward()
    assert dense.net.aux_classifier[4].weight.grad is not None
    assert network(batch).loss is None  # in evaluation


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="lraspp_mobilenet_v3_large has no auxiliary classifier"):
        Dense("lraspp_mobilenet_v3_large", 3, 3, auxiliary=0.4)
    with pytest.raises(ValueError, match="auxiliary=-1"):
        Dense("fcn_resnet50", 3, 3, auxiliary=-1)
    with pytest.raises(ValueError, match="'fcn_resnet51' is not known"):
        Dense("fcn_resnet51", 3, 3)
    with pytest.raises(ValueError, match="reads 3 channels, and the data have 1"):
        Dense("fcn_resnet50", 3, 1)
    assert "fcn_resnet50" in STAGES
