"""What holds for every network of configs/model that says something of each pixel."""

from __future__ import annotations

import pytest
import torch

from kdrun.loss import Loss
from kdrun.loss.at import AT
from kdrun.loss.cirkd import CIRKD
from kdrun.loss.cwd import CWD
from kdrun.loss.fitnets import FitNets
from kdrun.loss.ifvd import IFVD
from kdrun.loss.mgd import MGD
from kdrun.loss.pairwise import Pairwise
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.task.segmentation import Segmentation
from kdrun.types import Batch
from tests.model.test_zoo import DENSE, config

TASK = Segmentation(("sky", "road", "tree"))
SMALL = ("fpn_mobilenetv3_small", "lraspp_mobilenetv3_large")


def network(name: str, *shape: int) -> Network:
    torch.manual_seed(0)
    own = config(name) | ({"encoder": "resnet10t"} if name == "fpn" else {})
    grey = [0.5] * 3
    made = build(own, num_classes=3, shape=shape, mean=grey, std=grey, task=TASK)
    made.keep(["features"])
    return made


def batch(*shape: int) -> Batch:
    target = torch.randint(-1, 3, (2, *shape[1:]))
    return Batch(torch.rand(2, *shape), target, torch.arange(2))


@pytest.mark.parametrize("name", sorted(DENSE))
def test_each_place_has_a_score_for_each_class_and_stages_end_with_the_finest(name: str) -> None:
    with torch.device("meta"):
        outputs = network(name, 3, 96, 64)(batch(3, 96, 64))
    assert outputs.logits.shape[:2] == (2, 3)
    height, width = outputs.logits.shape[2:]
    assert (height % 24, width % 16) == (0, 0)
    *encoder, last = (f.shape[2:].numel() for f in outputs.features)
    assert encoder == sorted(encoder, reverse=True)
    assert len(encoder) == 4
    assert last >= encoder[-1]


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_learns(name: str) -> None:
    made, given = network(name, 3, 64, 64), batch(3, 64, 64)
    TASK.supervised(made(given), given).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())


@pytest.mark.parametrize(
    "loss",
    [
        *(CWD(), CWD("features"), Pairwise(), IFVD(), CIRKD(pixels=20, regions=10)),
        *(AT(), FitNets(), MGD()),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_two_kinds_of_networks_are_a_pair_for_every_loss(loss: Loss) -> None:
    torch.manual_seed(1)
    given = batch(3, 64, 64)
    teacher, student = (network(name, 3, 64, 64).eval() for name in reversed(SMALL))
    with torch.no_grad():
        said = teacher(given)
    outputs = student(given)
    loss.build(outputs, said, given.target)
    value = loss(outputs, said, given)
    value.backward()
    assert value.isfinite()
    reached = [p.grad for p in student.parameters() if p.grad is not None]
    assert any(grad.abs().max() > 0 for grad in reached)
    assert all(grad.isfinite().all() for grad in reached)


def test_a_classifier_is_no_network_for_pixels() -> None:
    classifier = config("resnet8")
    with pytest.raises(ValueError, match="fpn_resnet18"):
        build(classifier, num_classes=3, shape=(3, 32, 32), task=TASK)
