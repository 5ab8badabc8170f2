from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import generalized_box_iou

from kdrun.loss.crosskd import CrossKD
from kdrun.loss.weight import Weight
from kdrun.model.detector import OneStage
from kdrun.model.fcos import FCOS
from kdrun.model.features import Network
from kdrun.model.retinanet import RetinaNet
from kdrun.objective import Objective
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs
from tests.loss import boxes as b

GIVEN = Batch(torch.rand(2, 3, *b.SIZE, dtype=torch.float64), b.TARGETS, torch.arange(2))


def network(kind: str, seed: int, width: int = 32) -> Network:
    torch.manual_seed(seed)
    made: OneStage
    if kind == "fcos":
        made = FCOS("test_efficientnet", 2, 3, width, convs=2)
    else:
        made = RetinaNet("test_efficientnet", 2, 3, width)
    for part in made.net.head.modules():  # torchvision's begin near zero: nothing would differ
        if isinstance(part, nn.Conv2d):
            nn.init.normal_(part.weight, std=0.1)
    nn.init.normal_(made.net.head.regression_head.bbox_reg.weight, std=0.01)  # no flat boxes
    found = Network(made, stages=made.stage_names, head=made.head_name)
    found.keep(("features", "heads"))
    return found.double().eval()


def pair(kind: str, width: int = 32) -> tuple[Network, Frozen, Outputs, Outputs]:
    student, teacher = network(kind, 0), Frozen(network(kind, 1, width))
    with torch.no_grad():
        return student, teacher, student(GIVEN), teacher(GIVEN)


def built(loss: CrossKD, kind: str, width: int = 32) -> tuple[CrossKD, Outputs, Outputs]:
    student, teacher, said, taught = pair(kind, width)
    loss.meet(student, teacher)
    torch.manual_seed(2)
    loss.build(said, taught, b.TARGETS)
    return loss.double(), said, taught


def split(tower: nn.Sequential, kind: str, convs: int) -> tuple[nn.Sequential, nn.Sequential]:
    """A tower cut before the activation of its convolution number `convs`."""
    layers = [x for part in tower for x in (part if kind == "retinanet" else [part])]
    place = convs * (2 if kind == "retinanet" else 3) - 1
    return nn.Sequential(*layers[:place]), nn.Sequential(*layers[place:])


def slow(kind: str, said: Outputs, taught: Outputs, networks: list[OneStage]) -> float:
    """With one convolution of the teacher's: its own head, fed with what is crossed."""
    convs = 1 if kind == "fcos" else 3
    head = copy.deepcopy(networks[1].net.head)
    crossed: dict[str, list[Tensor]] = {}
    for name in ("classification_head", "regression_head"):
        own, _ = split(getattr(networks[0].net.head, name).conv, kind, convs)
        begun, ended = split(getattr(head, name).conv, kind, convs)
        crossed[name] = []
        for mine, theirs in zip(said.features, taught.features, strict=True):
            x, y = own(mine).clone(), begun(theirs)
            for c in range(x.shape[1]):
                a, z = x[:, c], y[:, c]
                x[:, c] = (a - a.mean()) / (a.std() + 1e-6) * z.std() + z.mean()
            crossed[name].append(x)
        getattr(head, name).conv = ended
    scores = head.classification_head(crossed["classification_head"])
    boxes = head.regression_head(crossed["regression_head"])
    boxes = boxes[0] if kind == "fcos" else boxes
    boxes = networks[1].boxes(boxes, networks[1].anchors(said.features, b.SIZE))
    total = seen = 0.0
    for n in range(2):
        overlap = generalized_box_iou(boxes[n], taught.heads[1][n]).diag().tolist()
        for i in range(scores.shape[1]):
            p = scores[n, i].sigmoid().tolist()
            q = taught.heads[0][n, i].sigmoid().tolist()
            for x, y in zip(p, q, strict=True):
                total += abs(x - y) * -(y * math.log(x) + (1 - y) * math.log(1 - x))
            total += 3 * max(q) * (1 - overlap[i])
            seen += max(q)
    return total / max(seen, 1)


@pytest.mark.parametrize("kind", ["fcos", "retinanet"])
def test_value(kind: str) -> None:
    loss, said, taught = built(CrossKD(boxes=3), kind)
    with torch.no_grad():
        expected = slow(kind, said, taught, [one.detector for one in loss._heads])
        assert loss(said, taught, GIVEN).item() == pytest.approx(expected, rel=1e-6)


def test_gradients_reach_the_student_and_not_the_teacher() -> None:
    loss, said, taught = built(CrossKD(), "fcos", width=64)
    student, teacher = (one.detector for one in loss._heads)
    levels = tuple(x[:1, :, :1, :2].clone().requires_grad_() for x in said.features[-1:])

    def of_last(x: Tensor) -> Tensor:
        last = said.features[-1].clone()
        last[:1, :, :1, :2] = x
        result: Tensor = loss(said._replace(features=(*said.features[:-1], last)), taught, GIVEN)
        return result

    assert torch.autograd.gradcheck(of_last, levels, fast_mode=True)
    of_last(levels[0]).backward()
    assert student.net.head.classification_head.conv[0].weight.grad is not None
    assert student.net.head.classification_head.cls_logits.weight.grad is None
    assert all(p.grad is None for p in teacher.parameters())
    assert {name.split(".")[0] for name, _ in loss.named_parameters()} == {"align"}


def test_a_student_that_is_the_teacher_has_nothing_to_learn() -> None:
    student = network("retinanet", 0)
    twin = Frozen(copy.deepcopy(student))
    with torch.no_grad():
        said = student(GIVEN)
    loss = CrossKD()
    loss.meet(student, twin)
    loss.build(said, said, b.TARGETS)
    with torch.no_grad():
        assert loss(said, said, GIVEN).item() == pytest.approx(0, abs=1e-4)


def test_other_kinds_and_networks_are_refused() -> None:
    student, _, said, taught = pair("fcos")
    loss = CrossKD()
    loss.meet(student, Frozen(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="heads of two detectors"):
        loss.build(said, taught, b.TARGETS)
    objective = Objective({"crosskd": CrossKD()}, {"crosskd": Weight(1.0)})
    objective.meet(student, Frozen(network("retinanet", 0)))
    with pytest.raises(ValueError, match=r"loss.terms.crosskd: .* is FCOS .* is RetinaNet"):
        objective.build(said, taught, b.TARGETS)
    with pytest.raises(ValueError, match="convs=-1"):
        CrossKD(convs=-1)
    with pytest.raises(ValueError, match="boxes=-2"):
        CrossKD(boxes=-2)
