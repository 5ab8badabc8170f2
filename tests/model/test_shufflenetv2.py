"""ShuffleNetV2: one half of the channels goes on as it is."""

from __future__ import annotations

import torch
from torch import nn

from kdrun.model.shufflenetv2 import BLOCKS, Block, Down, ShuffleNetV2


@torch.no_grad()
def test_a_block_keeps_one_half_and_puts_a_new_channel_behind_each() -> None:
    torch.manual_seed(0)
    block, x = Block(6).eval(), torch.randn(2, 6, 5, 5)
    found = block(x)
    assert found.shape == x.shape
    assert torch.equal(found[:, 0::2], x[:, :3])
    changed = x.clone()
    changed[:, 3:] += torch.randn(2, 3, 5, 5)
    assert torch.equal(block(changed)[:, 0::2], x[:, :3])
    assert not torch.equal(block(changed)[:, 1::2], found[:, 1::2])
    assert (found[:, 1::2] >= 0).all()  # activated


@torch.no_grad()
def test_both_branches_of_a_step_down_halve_the_picture() -> None:
    torch.manual_seed(0)
    down = Down(4, 10).eval()
    assert down(torch.randn(2, 4, 6, 8)).shape == (2, 10, 3, 4)
    nn.init.zeros_(down.conv2.weight)  # the left one
    left, right = down(torch.randn(2, 4, 6, 6)).view(2, 5, 2, 3, 3).unbind(2)
    assert not left.any()
    assert right.any()


def test_each_stage_steps_down_once() -> None:
    sizes: list[tuple[int, ...]] = []
    with torch.device("meta"):
        net = ShuffleNetV2(10, in_channels=1)
        for name in net.stage_names:
            net.get_submodule(name).register_forward_hook(
                lambda *a: sizes.append(tuple(a[2].shape[1:3]))
            )
        assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert sizes == [(116, 16), (232, 8), (464, 4)]
    blocks = [sum(isinstance(m, Block) for m in net.get_submodule(n)) for n in net.stage_names]
    assert blocks == [*BLOCKS]
    assert net.get_submodule(net.head_name).in_features == 1024
