"""Wide residual networks: blocks that activate before they convolve."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.model.features import Network
from kdrun.model.wrn import Block, WideResNet
from kdrun.types import Batch


def uneven(net: nn.Module) -> None:
    """Batch norms that do something."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -1, 1)


@torch.no_grad()
def test_a_block_whose_branch_is_nothing_passes_its_input_on() -> None:
    torch.manual_seed(0)
    block, x = Block(4, 4, 1, 0.0).eval(), torch.randn(2, 4, 6, 6)
    nn.init.zeros_(block.conv2.weight)
    assert torch.equal(block(x), x)
    wider = Block(4, 6, 2, 0.0).eval()
    uneven(wider)
    nn.init.zeros_(wider.conv2.weight)
    assert wider.convShortcut is not None
    active = wider.bn1(x).relu()  # not the input itself
    expected = torch.einsum("oi,nihw->nohw", wider.convShortcut.weight[:, :, 0, 0], active)
    torch.testing.assert_close(wider(x), expected[:, :, ::2, ::2])


def test_dropout_is_for_training_alone() -> None:
    torch.manual_seed(0)
    block, x = Block(4, 4, 1, 0.5), torch.randn(2, 4, 6, 6)
    assert not torch.equal(block(x), block(x))
    assert torch.equal(block.eval()(x), block(x))
    plain = Block(4, 4, 1, 0.0).eval()
    plain.load_state_dict(block.state_dict())
    assert torch.equal(plain(x), block(x))


@pytest.mark.parametrize("training", [False, True])
def test_stages_are_read_between_the_next_norm_and_activation(training: bool) -> None:
    """RepDistiller's and mdistiller's rule for what lies before an activation."""
    torch.manual_seed(0)
    net = WideResNet(10)
    uneven(net)
    behind = dict(zip(net.stage_names, net.activation_names, strict=True))
    network = Network(net, stages=net.stage_names, activations=behind).train(training)
    network.keep(["features", "preactivations"])
    outputs = network(Batch(torch.rand(2, 3, 16, 16), torch.zeros(2).long(), torch.arange(2)))
    assert [f.shape[1:3] for f in outputs.features] == [(16, 16), (32, 8), (64, 4)]
    norms = (net.block2.layer[0].bn1, net.block3.layer[0].bn1, net.bn1)
    for norm, before, after in zip(norms, outputs.preactivations, outputs.features, strict=True):
        assert torch.allclose(before, norm(after), atol=1e-6)
        assert (before < 0).any()


def test_its_width_is_a_factor_on_the_channels() -> None:
    with torch.device("meta"):
        net = WideResNet(7, in_channels=1, depth=10, width=3)
        assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 7)
    assert [net.get_submodule(f"block{n}").layer[-1].conv2.out_channels for n in (1, 2, 3)] == [
        *(48, 96, 192),
    ]
    assert net.conv1.out_channels == 16


@pytest.mark.parametrize("depth", [4, 12, 21])
def test_a_depth_that_does_not_exist_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=rf"depth={depth}: a wide residual network has 6n \+ 4"):
        WideResNet(10, depth=depth)
