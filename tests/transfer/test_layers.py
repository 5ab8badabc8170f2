"""Layers of networks of every kind."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.model import build
from kdrun.model.features import Network
from kdrun.transfer.layers import layers

KINDS = {
    "resnet.ResNet": {"depth": 8},
    "vgg.VGG": {"depth": 8},
    "mobilenetv2.MobileNetV2": {},
    "mlp.MLP": {"hidden": [8, 4]},
    "linear.Linear": {},
}


def network(kind: str) -> Network:
    config = {"_target_": f"kdrun.model.{kind}", **KINDS[kind]}
    return build(config, num_classes=3, shape=(1, 32, 32))


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_in_one_layer_and_the_classifier_in_the_last(kind: str) -> None:
    found = network(kind)
    cut = layers(found)
    ids = [id(p) for layer in cut for p in layer.parameters()]
    assert sorted(ids) == sorted(id(p) for p in found.parameters())
    assert found.head is not None
    head = found.net.get_submodule(found.head)
    assert {id(p) for p in head.parameters()} <= {id(p) for p in cut[-1].parameters()}
    assert len(cut) == len(found.stages) + 1


def test_a_layer_is_a_stage_with_what_comes_before_it() -> None:
    found = network("resnet.ResNet")
    cut = layers(found)
    assert [layer.name for layer in cut] == ["layer1", "layer2", "layer3", "fc"]
    assert cut[0].modules[0] is found.net.get_submodule("conv1")
    assert cut[-1].modules == [found.net.get_submodule("fc")]


def test_without_stages_a_layer_begins_with_a_matrix() -> None:
    parts = (nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 6), nn.Linear(6, 2))
    found = layers(Network(nn.Sequential(*parts)))
    assert [layer.name for layer in found] == ["0", "3", "4"]
    assert found[0].modules == [parts[0], parts[1]]


def test_a_classifier_that_is_registered_first_is_still_the_last_layer() -> None:
    net = nn.Sequential()
    net.add_module("fc", nn.Linear(4, 2))
    net.add_module("body", nn.Linear(4, 4))
    assert [layer.name for layer in layers(Network(net, head="fc"))] == ["body", "fc"]


def test_a_frozen_layer_keeps_the_statistics_of_its_batch_norm() -> None:
    norm = nn.BatchNorm1d(3)
    frozen, *_ = layers(Network(nn.Sequential(nn.Linear(3, 3), norm, nn.Linear(3, 2))))
    for trains in (False, True):
        frozen.freeze(not trains)
        before = norm.running_mean.clone()  # type: ignore[union-attr]
        norm(torch.randn(8, 3) + 5)
        assert torch.equal(before, norm.running_mean) is not trains  # type: ignore[arg-type]
        assert all(p.requires_grad is trains for p in frozen.parameters())
        norm.train()
