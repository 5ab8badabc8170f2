"""Initial weights of convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.model.init import he_normal


def test_variance_is_two_over_the_fan_out_and_linear_layers_keep_what_they_have() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(8, 64, 3), nn.Conv2d(64, 16, 1, bias=False), nn.Linear(4, 4))
    before = net[2].weight.clone()
    he_normal(net)
    assert net[0].weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert net[1].weight.std().item() == pytest.approx((2 / 16) ** 0.5, rel=0.1)
    assert not net[0].bias.any()
    assert torch.equal(net[2].weight, before)
