"""Layers, their stages and their dropout."""

from __future__ import annotations

import torch

from kdrun.model.mlp import MLP


def test_logits_are_those_of_layer_after_layer() -> None:
    torch.manual_seed(0)
    net, x = MLP(3, 8, hidden=(5, 4)), torch.randn(2, 2, 2, 2)
    first, second = (layer[0] for layer in net.layers)
    expected = net.head(second(first(x.flatten(1)).relu()).relu())
    assert torch.equal(net(x), expected)
    assert net.stage_names == ("layers.0", "layers.1")


def test_without_hidden_layers_it_is_linear() -> None:
    net, x = MLP(3, 8, hidden=()), torch.randn(2, 8)
    assert torch.equal(net(x), net.head(x))


def test_dropout_is_of_training_only() -> None:
    torch.manual_seed(0)
    net, x = MLP(3, 8, dropout=0.5), torch.randn(2, 8)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
