"""MobileNetV2: inverted residuals, and where pictures shrink."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.model.mobilenetv2 import Block, MobileNetV2


@torch.no_grad()
def test_only_a_block_of_the_same_shape_adds_its_input() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 6)
    for channels, stride, adds in ((4, 1, True), (4, 2, False), (6, 1, False)):
        block = Block(4, channels, stride, 6).eval()
        nn.init.zeros_(block.conv[-2].weight)  # the projection
        expected = x if adds else torch.zeros(2, channels, 6 // stride, 6 // stride)
        assert torch.equal(block(x), expected)


def test_it_expands_convolves_each_channel_alone_and_ends_without_an_activation() -> None:
    torch.manual_seed(0)
    block = Block(4, 6, 1, 3)
    expand, alone, project = (m for m in block.modules() if isinstance(m, nn.Conv2d))
    assert (expand.out_channels, expand.kernel_size) == (12, (1, 1))
    assert (alone.groups, alone.kernel_size) == (12, (3, 3))
    assert (project.out_channels, project.kernel_size) == (6, (1, 1))
    assert (block(torch.randn(2, 4, 6, 6)) < 0).any()


def test_the_second_group_keeps_its_resolution_for_pictures_of_32_pixels() -> None:
    sizes: list[tuple[int, ...]] = []
    with torch.device("meta"):
        net = MobileNetV2(10, width=0.5)
        for group in net.blocks:
            group.register_forward_hook(lambda *a: sizes.append(tuple(a[2].shape[1:3])))
        net(torch.zeros(2, 3, 32, 32))
    widths = [8, 12, 16, 32, 48, 80, 160]  # half of the paper's table 2
    assert sizes == list(zip(widths, [16, 16, 8, 4, 4, 2, 2], strict=True))


@pytest.mark.parametrize(("width", "last"), [(0.5, 1280), (1.0, 1280), (2.0, 2560)])
def test_the_last_convolution_never_has_fewer_channels_than_the_paper(
    width: float, last: int
) -> None:
    with torch.device("meta"):
        net = MobileNetV2(7, in_channels=1, width=width)
        assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 7)
    assert net.get_submodule(net.head_name).in_features == last
