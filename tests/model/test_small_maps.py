"""A product instead of a convolution: the same numbers, wherever it is taken."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from kdrun.model import build
from kdrun.model.small_maps import Convolution, multiply

SHAPES: list[dict[str, Any]] = [
    {"kernel_size": 1},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": 1, "bias": False},
    {"kernel_size": 1, "padding": 1},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "padding": 1, "stride": 2},
    {"kernel_size": (3, 1), "padding": (1, 0)},
    {"kernel_size": 3, "padding": 2, "dilation": 2},
    {"kernel_size": 7, "padding": 3, "stride": 2},
    {"kernel_size": 2},
    {"kernel_size": 3, "padding": "same"},
]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (2, 1), (4, 4), (4, 3), (8, 8)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_those_of_a_convolution(
    shape: dict[str, Any], size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 7, **shape).double()
    product = copy.deepcopy(conv)
    multiply(product)
    assert type(product) is Convolution
    x = torch.randn(3, 5, *size, dtype=torch.float64)
    told = []
    for module in (conv, product):
        own = x.clone().requires_grad_()
        try:
            y = module(own)
        except RuntimeError as error:  # the kernel is larger than the map
            told.append([str(error)])
            continue
        y.square().sum().backward()
        told.append([y, own.grad, *(p.grad for p in module.parameters())])
    assert len(told[0]) == len(told[1])
    for a, b in zip(*told, strict=True):
        if isinstance(a, torch.Tensor):
            torch.testing.assert_close(b, a, rtol=0, atol=1e-12)
        else:
            assert a == b


def test_which_convolutions_change() -> None:
    class Own(nn.Conv2d):
        pass

    net = nn.Sequential(
        nn.Conv2d(4, 4, 1),
        nn.Conv2d(4, 4, 1, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        Own(4, 4, 1),
    )
    before = net.state_dict()
    multiply(net)
    assert [type(m) for m in net] == [Convolution, nn.Conv2d, nn.Conv2d, Own]
    assert net.state_dict().keys() == before.keys()


def test_a_network_is_the_same_and_costs_the_same() -> None:
    config = {"_target_": "kdrun.model.timm.create", "name": "resnet18"}
    torch.manual_seed(0)
    net = build(config, num_classes=3, shape=(3, 8, 8)).net
    assert any(type(m) is Convolution for m in net.modules())
    other = copy.deepcopy(net)
    for module in other.modules():
        if type(module) is Convolution:
            module.__class__ = nn.Conv2d
    x = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(net.eval()(x), other.eval()(x), rtol=1e-4, atol=1e-5)
    from torch.utils.flop_counter import FlopCounterMode

    counted = []
    for each in (net, other):
        with FlopCounterMode(display=False) as counter:
            each.to("meta")(x.to("meta"))
        counted.append(counter.get_total_flops())
    assert counted[0] == counted[1]


def test_what_is_exported_is_a_convolution() -> None:
    net = nn.Sequential(nn.Conv2d(4, 6, 1))
    multiply(net)
    graph = torch.export.export(net, (torch.rand(2, 4, 1, 1),)).graph
    called = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    assert any("conv2d" in name for name in called), called
