"""ShuffleNet: groups that exchange their channels, and a shortcut that is appended."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from kdrun.model.shufflenetv1 import Block, ShuffleNetV1


@torch.no_grad()
def test_a_stride_appends_a_pooled_copy_and_none_adds_the_input() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 12, 6, 6)
    for stride in (1, 2):
        block = Block(12, 24 if stride == 2 else 12, stride, 3).eval()
        nn.init.zeros_(block.conv3.weight)
        found = block(x)
        if stride == 1:
            assert torch.equal(found, x.relu())
        else:
            assert found.shape == (2, 24, 3, 3)
            assert not found[:, :12].any()
            padded = F.pad(x, (1, 1, 1, 1))
            window = [
                padded[:, :, i : i + 6 : 2, j : j + 6 : 2] for i in range(3) for j in range(3)
            ]
            torch.testing.assert_close(found[:, 12:], (torch.stack(window).sum(0) / 9).relu())


@torch.no_grad()
def test_each_group_behind_the_shuffle_has_channels_of_every_group_before() -> None:
    block = Block(36, 36, 1, 3).eval()
    nn.init.zeros_(block.conv1.weight)
    block.conv1.weight[:3] = 1.0  # of nine channels in the middle, those of the first group
    seen: list[torch.Tensor] = []
    block.conv2.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    block(torch.ones(2, 36, 6, 6))
    (middle,) = seen
    assert middle[0, :, 0, 0].gt(0).tolist() == [True, False, False] * 3


def test_all_but_the_narrow_first_block_convolve_in_three_groups() -> None:
    with torch.device("meta"):
        net = ShuffleNetV1(10, in_channels=1)
        assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    blocks = {name: block for name, block in net.named_modules() if isinstance(block, Block)}
    groups = {name: block.conv1.groups for name, block in blocks.items()}
    assert groups.pop("layer1.0") == 1
    assert {*groups.values()} == {3}
    assert len(groups) == 4 + 8 + 4 - 1
    assert [net.get_submodule(f"layer{n}.0").conv2.stride for n in (1, 2, 3)] == [(2, 2)] * 3
