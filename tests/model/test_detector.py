"""What holds for every network of configs/model that finds boxes."""

from __future__ import annotations

import pytest
import torch

from kdrun.loss import Loss
from kdrun.loss.at import AT
from kdrun.loss.cwd import CWD
from kdrun.loss.fgd import FGD
from kdrun.loss.fitnets import FitNets
from kdrun.loss.mgd import MGD
from kdrun.loss.pkd import PKD
from kdrun.loss.response import Response
from kdrun.model import build
from kdrun.model.detector import listed
from kdrun.model.features import Network
from kdrun.score.evaluate import macs
from kdrun.task.detection import Detection, stacked
from kdrun.types import Batch
from tests.model.test_zoo import BOXED, config

TASK = Detection(("cat", "dog", "cow"))
TARGETS = stacked([[[0, 3, 2, 40, 30, 0], [2, 30, 8, 60, 60, 0]], []])
FCOS, RETINA = "fcos_mobilenetv3_small", "retinanet_resnet18"
ONE_STAGE = {name for name in BOXED if "torchvision" not in config(name)["_target_"]}
TINY = {"encoder": "mobilenetv3_small_050", "width": 32}


def network(name: str, *shape: int, **own: object) -> Network:
    torch.manual_seed(0)
    grey = [0.5] * 3
    made = build(
        {**config(name), **own}, num_classes=3, shape=shape, mean=grey, std=grey, task=TASK
    )
    made.keep(["features", "heads"])
    return made


def batch(*shape: int) -> Batch:
    return Batch(torch.rand(2, *shape), TARGETS, torch.arange(2))


@pytest.mark.parametrize("name", sorted(ONE_STAGE))
def test_it_learns_in_training_and_finds_boxes_afterwards(name: str) -> None:
    own = {} if name == FCOS else TINY
    made, given = network(name, 3, 64, 64, **own), batch(3, 64, 64)
    learnt = made.train()(given)
    assert learnt.logits.shape == (2, 0, 6)
    TASK.supervised(learnt, given).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())
    with torch.no_grad():
        said = made.eval()(given)
    assert said.loss is None
    assert said.logits.shape == (2, 100, 6)
    sizes = [f.shape[2:].numel() for f in said.features]
    assert sizes == [64, 16, 4]
    scores, boxes = said.heads
    assert scores.shape[:2] == boxes.shape[:2]
    assert (scores.shape[2], boxes.shape[2]) == (3, 4)
    assert scores.shape[1] % sum(sizes) == 0


@pytest.mark.parametrize("name", [FCOS, RETINA])
def test_what_is_found_is_what_the_heads_say(name: str) -> None:
    made = network(name, 3, 64, 64, **({} if name == FCOS else TINY), score=0.0).eval()
    with torch.no_grad():
        said = made(batch(3, 64, 64))
    scores, boxes = said.heads
    for n in range(2):
        best = said.logits[n, 0]
        where = (boxes[n].clamp(0, 64) - best[2:]).abs().amax(1).argmin()
        torch.testing.assert_close(boxes[n, where].clamp(0, 64), best[2:])
        assert scores[n, where].argmax() == best[0]
        kept = said.logits[n, said.logits[n, :, 0] >= 0]
        assert bool((kept[1:, 1] <= kept[:-1, 1]).all())


def test_a_picture_of_any_size_is_filled_up_and_boxes_stay_inside() -> None:
    made = network(FCOS, 3, 40, 50, score=0.0).eval()
    with torch.no_grad():
        said = made(batch(3, 40, 50))
    assert [f.shape[2:] for f in said.features] == [(8, 8), (4, 4), (2, 2)]
    assert float(said.logits[..., [2, 4]].max()) <= 50
    assert float(said.logits[..., [3, 5]].max()) <= 40
    made.keep(())
    assert macs(made, (3, 40, 50)) == macs(made, (3, 64, 64)) > 1e6


@pytest.mark.parametrize(
    "loss",
    [PKD(), FGD(), CWD("levels", 1.0), MGD(0.65, "space", levels=True), AT(), FitNets()],
    ids=lambda loss: type(loss).__name__,
)
def test_two_kinds_of_detectors_are_a_pair_for_losses_between_levels(loss: Loss) -> None:
    torch.manual_seed(1)
    given = batch(3, 64, 64)
    teacher, student = network(RETINA, 3, 64, 64, **TINY).eval(), network(FCOS, 3, 64, 64)
    assert _learns(loss, student, teacher, given)


def test_heads_of_one_kind_are_a_pair() -> None:
    given = batch(3, 64, 64)
    teacher, student = network(FCOS, 3, 64, 64, width=96).eval(), network(FCOS, 3, 64, 64)
    assert _learns(Response(), student, teacher, given)
    with pytest.raises(ValueError, match="same levels and anchors"):
        _learns(Response(), student, network(RETINA, 3, 64, 64, **TINY).eval(), given)


def _learns(loss: Loss, student: Network, teacher: Network, given: Batch) -> bool:
    with torch.no_grad():
        said = teacher(given)
    outputs = student(given)
    loss.build(outputs, said, given.target)
    value = loss(outputs, said, given)
    value.backward()
    reached = [p.grad for p in student.parameters() if p.grad is not None]
    assert all(grad.isfinite().all() for grad in reached)
    return bool(value.isfinite()) and any(grad.abs().max() > 0 for grad in reached)


def test_a_classifier_has_no_heads_and_is_no_detector() -> None:
    with pytest.raises(ValueError, match="fcos_resnet18"):
        build(config("resnet8"), num_classes=3, shape=(3, 32, 32), task=TASK)
    plain = build(config("resnet8"), num_classes=3, shape=(3, 32, 32))
    with pytest.raises(ValueError, match="no head that scores boxes"):
        plain.keep(["heads"])


def test_more_boxes_than_there_is_room_for_are_left_out_and_background_is_no_class() -> None:
    labels = torch.arange(150) % 3 + 1
    found = {"labels": labels, "scores": torch.rand(150), "boxes": torch.rand(150, 4)}
    rows = listed([found, {k: v[:1] for k, v in found.items()}], torch.zeros(2, 0, 6), 1)
    assert rows.shape == (2, 100, 6)
    assert torch.equal(rows[0, :, 0], (labels[:100] - 1).float())
    assert rows[1, :, 0].tolist() == [0, *[-1] * 99]
    assert torch.equal(rows[1, 0, 2:], found["boxes"][0])
