"""Weights that were fetched by a name are told by their numbers."""

from __future__ import annotations

import pytest
import torch

from kdrun.model.fetched import fetched
from tests.transfer.trial import student

ASKED = {"_target_": "kdrun.model.timm.create", "name": "resnet18", "pretrained": True}


def test_nothing_is_told_of_a_new_network() -> None:
    for config in ({**ASKED, "pretrained": False}, {"_target_": "kdrun.model.mlp.MLP"}):
        assert fetched("mlp", config, student(4, 3, "mlp.MLP", hidden=[6])) is None


def test_other_numbers_are_other_weights_and_the_classifier_is_nobodys() -> None:
    network = student(4, 3, "mlp.MLP", hidden=[6])
    first = fetched("big", ASKED, network)
    assert first is not None
    assert (first["name"], first["path"]) == ("big", "resnet18")
    with torch.no_grad():
        network.net.head.weight.add_(1)  # type: ignore[union-attr,operator]
    assert fetched("big", ASKED, network) == first
    with torch.no_grad():
        network.net.layers[0][0].bias.add_(1)  # type: ignore[index,union-attr,operator]
    assert fetched("big", ASKED, network) != first


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (
            {"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"},
            "torchvision.models.resnet18 DEFAULT",
        ),
        ({"_target_": "my.net", "pretrained": True}, "my.net"),
    ],
)
def test_it_is_told_by_which_name_they_were_asked_for(config, place) -> None:
    told = fetched("big", config, student(4, 3))
    assert told is not None
    assert told["path"] == place
