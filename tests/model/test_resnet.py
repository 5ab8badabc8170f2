"""ResNet for small images, layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdrun.model.resnet import Block, ResNet


def normed(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Batch norm in evaluation mode, written out."""
    mean, var = (s.view(1, -1, 1, 1) for s in (norm.running_mean, norm.running_var))
    return (x - mean) / (var + norm.eps).sqrt() * norm.weight.view(1, -1, 1, 1) + norm.bias.view(
        1, -1, 1, 1
    )


@pytest.mark.parametrize(("channels", "stride"), [(4, 1), (6, 1), (4, 2)])
@torch.no_grad()
def test_a_block_adds_its_input_or_a_projection_of_it(channels: int, stride: int) -> None:
    torch.manual_seed(0)
    block, x = Block(4, channels, stride).eval(), torch.randn(2, 4, 6, 6)
    for norm in (m for m in block.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean)
        nn.init.uniform_(norm.bias)
    inner = normed(F.conv2d(x, block.conv1.weight, stride=stride, padding=1), block.bn1).relu()
    inner = normed(F.conv2d(inner, block.conv2.weight, padding=1), block.bn2)
    beside = x
    if (channels, stride) != (4, 1):
        projection, norm = block.downsample
        beside = normed(F.conv2d(x, projection.weight, stride=stride), norm)
    torch.testing.assert_close(block(x), (inner + beside).relu())


@pytest.mark.parametrize("depth", [8, 14, 20, 56])
def test_its_depth_is_the_layers_on_the_way(depth: int) -> None:
    with torch.device("meta"):
        net = ResNet(10, depth=depth)
    layers = [name for name, m in net.named_modules() if isinstance(m, nn.Conv2d)]
    on_the_way = [name for name in layers if "downsample" not in name]
    assert len(on_the_way) + 1 == depth  # and the classifier


def test_each_stage_after_the_first_halves_the_picture_and_has_its_width() -> None:
    net, sizes = ResNet(5, in_channels=1, depth=8, widths=(3, 4, 6, 8)), []
    for name in net.stage_names:
        net.get_submodule(name).register_forward_hook(lambda *a: sizes.append(tuple(a[2].shape)))
    assert net(torch.rand(2, 1, 9, 12)).shape == (2, 5)
    assert sizes == [(2, 4, 9, 12), (2, 6, 5, 6), (2, 8, 3, 3)]


@pytest.mark.parametrize("depth", [2, 9, 21])
def test_a_depth_that_does_not_exist_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=rf"depth={depth}: a ResNet of basic blocks has 6n \+ 2"):
        ResNet(5, depth=depth)
    with pytest.raises(ValueError, match=r"widths=\[4, 8\]: give four, of the stem and three"):
        ResNet(5, widths=(4, 8))
