"""VGG for small images: how many layers, and where it pools."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.model.vgg import LAYERS, VGG


def sizes(side: int) -> list[int]:
    """Height of what each block gives."""
    found: list[int] = []
    with torch.device("meta"):
        net = VGG(10).eval()
        for place in range(5):
            block = net.get_submodule(f"block{place}")
            block.register_forward_hook(lambda *a: found.append(a[2].shape[-1]))
        assert net(torch.zeros(2, 3, side, side)).shape == (2, 10)
    return found


@pytest.mark.parametrize("depth", LAYERS)
def test_its_depth_counts_three_layers_that_it_does_not_have(depth: int) -> None:
    with torch.device("meta"):
        net = VGG(10, depth=depth)
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) + 3 == depth  # of the paper's three linear layers one is left
    assert sum(isinstance(m, nn.Linear) for m in net.modules()) == 1
    assert convolutions[-1].out_channels == 512


def test_it_pools_a_fourth_time_from_64_pixels_on() -> None:
    assert sizes(32) == [32, 16, 8, 4, 4]
    assert sizes(63)[-2:] == [7, 7]
    assert sizes(64) == [64, 32, 16, 8, 4]
    assert sizes(8) == [8, 4, 2, 1, 1]


def test_its_classifier_begins_at_nearly_nothing() -> None:
    torch.manual_seed(0)
    head = VGG(100).classifier
    assert head.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not head.bias.any()


def test_a_depth_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="depth=21: VGG has 8, 11, 13, 16, 19 layers"):
        VGG(10, depth=21)
