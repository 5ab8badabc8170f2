"""A student of every kind, small: the arguments of the fixture `student`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kdrun.loss.simkd import reuse

MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]}
RESNET = {"_target_": "kdrun.model.resnet.ResNet", "depth": 8, "widths": [4, 4, 8, 8]}


def with_head(network: Any) -> nn.Module:
    """A student as `loss=simkd` leaves it."""
    head = {"channels": 8, "teacher": 6, "classes": 3, "size": [2, 2], "factor": 2}
    made = reuse(network, positive=True, **head)
    for parameter in made.head.parameters():
        torch.nn.init.normal_(parameter.data, std=0.3)
    return made


def grown(network: Any) -> nn.Module:
    """A tree that asks something."""
    inputs = torch.rand(60, 3, 8, 8)
    targets = (10 * inputs[:, :, 0, 0]).softmax(dim=1)
    network.net.fit(network.normalise(inputs), targets, torch.ones(60))
    return network  # type: ignore[no-any-return]


KINDS: dict[str, dict[str, Any]] = {
    "mlp": {"config": MLP},
    "regression": {"config": MLP, "shape": (5,), "classes": (), "unit": (150.0, 40.0)},
    "resnet": {"config": RESNET},
    "timm": {
        "config": {
            "_target_": "kdrun.model.timm.create",
            "name": "vit_tiny_patch16_224",
            **{"depth": 1, "embed_dim": 12, "num_heads": 3},
        }
    },
    "torchvision": {
        "config": {"_target_": "torchvision.models.squeezenet1_1", "num_classes": 3},
        "shape": (3, 32, 32),
    },
    "logistic": {"config": {"_target_": "kdrun.model.sklearn_logistic.SklearnLogistic"}},
    "tree": {
        "config": {"_target_": "kdrun.model.sklearn_tree.SklearnTree", "depth": 3},
        "around": grown,
    },
    "rbf": {"config": {"_target_": "kdrun.model.rbf.RBF", "landmarks": 7}, "shape": (5,)},
    "simkd": {"config": RESNET, "around": with_head},
}
