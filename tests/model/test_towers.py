"""A head begun and ended is the head."""

from __future__ import annotations

import pytest
import torch

from kdrun.model.detector import OneStage
from kdrun.model.fcos import FCOS
from kdrun.model.retinanet import RetinaNet
from kdrun.model.towers import Towers, towers

KINDS = {
    "fcos": lambda: FCOS("test_efficientnet", 2, 3, 32, convs=2),
    "retinanet": lambda: RetinaNet("test_efficientnet", 2, 3, 32),
}


@pytest.fixture(params=KINDS)
def detector(request: pytest.FixtureRequest) -> OneStage:
    torch.manual_seed(0)
    made: OneStage = KINDS[request.param]()
    return made.eval()


def test_wherever_it_is_cut_it_says_what_it_says_as_a_whole(detector: OneStage) -> None:
    levels = [torch.randn(2, 32, side, side + 1) for side in (4, 2)]
    head = Towers(detector)
    assert head.convs == (2 if isinstance(detector, FCOS) else 4)
    with torch.no_grad():
        whole = detector.net.head(levels)
        for convs in range(head.convs + 1):
            scores, offsets = head.ended(head.begun(levels, convs), convs)
            torch.testing.assert_close(scores, whole["cls_logits"])
            torch.testing.assert_close(offsets, whole["bbox_regression"])


def test_boxes_lie_where_the_detector_has_them(detector: OneStage) -> None:
    head, seen = Towers(detector), list[torch.Tensor]()
    for name in detector.stage_names:
        detector.get_submodule(name).register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.no_grad():
        found = detector(torch.rand(1, 3, 40, 64))
        seen.sort(key=lambda level: -level.shape[2])
        _, offsets = head.ended(head.begun(seen, 1), 1)
        boxes = head.boxes(offsets, (40, 64), seen)
    torch.testing.assert_close(boxes, found.heads[1])


def test_other_networks_have_none() -> None:
    assert towers(torch.nn.Linear(2, 2)) is None
