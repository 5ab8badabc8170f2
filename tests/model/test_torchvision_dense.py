"""torchvision's networks for segmentation."""

from __future__ import annotations

import pytest
import torch

from kdrun.model.torchvision_dense import STAGES, Dense


def test_scores_are_torchvisions_own() -> None:
    torch.manual_seed(0)
    dense = Dense("lraspp_mobilenet_v3_large", 3, 3).eval()
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(dense(x), dense.net(x)["out"])
    assert dense(x).shape == (1, 3, 64, 64)
    assert not any("aux" in name for name, _ in dense.named_parameters())


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="'fcn_resnet51' is not known"):
        Dense("fcn_resnet51", 3, 3)
    with pytest.raises(ValueError, match="reads 3 channels, and the data have 1"):
        Dense("fcn_resnet50", 3, 1)
    assert "fcn_resnet50" in STAGES
