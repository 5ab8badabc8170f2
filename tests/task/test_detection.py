"""Boxes: what is learnt from, what a network must give, what is told."""

from __future__ import annotations

import json

import pytest
import torch

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.pkd import PKD
from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.task import Doubt
from kdrun.task.detection import Detection, real, stacked
from kdrun.types import Batch, Outputs

TASK = Detection(("cat", "dog"), (7, 9))
TARGETS = stacked([[[1, 2, 3, 8, 9, 0], [0, 1, 1, 5, 5, 1]], []])


def test_targets_hold_up_to_so_many_boxes_and_crowds_are_not_learnt_from() -> None:
    assert TARGETS.shape == (2, 2, 6)
    assert TARGETS[1, :, 0].tolist() == [-1, -1]
    first, second = real(TARGETS)
    assert first["boxes"].tolist() == [[2, 3, 8, 9]]
    assert first["labels"].tolist() == [1]
    assert second["boxes"].shape == (0, 4)
    assert TASK.present(TARGETS) == {"unlabelled": 0, "empty": 1, "boxes": {"cat": 1, "dog": 1}}
    assert bool(TASK.known(TARGETS).all())


def test_the_supervised_term_is_the_detectors_own() -> None:
    batch = Batch(torch.zeros(2, 3, 16, 16), TARGETS, torch.arange(2))
    own = torch.tensor(3.0)
    assert TASK.supervised(Outputs(torch.zeros(2, 0, 6), loss=own), batch) is own
    with pytest.raises(ValueError, match="no loss of its own"):
        TASK.supervised(Outputs(torch.zeros(2, 0, 6)), batch)
    with pytest.raises(ValueError, match="label_smoothing"):
        TASK.supervised(Outputs(torch.zeros(2, 0, 6), loss=own), batch, smoothing=0.1)


def test_losses_between_logits_say_what_to_take() -> None:
    with pytest.raises(ValueError, match=r"loss.terms.kd: .*take pkd, fgd or cwd"):
        Objective({"kd": KD()}, {"kd": Weight(1.0)}, TASK).check(TASK)
    Objective({"pkd": PKD()}, {"pkd": Weight(1.0)}, TASK).check(TASK)


def test_a_detectors_loss_takes_no_weights_of_classes() -> None:
    with pytest.raises(ValueError, match=r"loss.terms.ce: train.class_weights.*set it to none"):
        Objective({"ce": CE(class_weights="balanced")}, {"ce": Weight(1.0)}, TASK).check(TASK)


def test_forms_are_checked() -> None:
    TASK.check(torch.zeros(2, 100, 6), (3, 32, 32))
    with pytest.raises(ValueError, match="student=fcos_resnet18"):
        TASK.check(torch.zeros(2, 2), (3, 32, 32))
    TASK.accept(TARGETS)
    with pytest.raises(ValueError, match=r"dataset.task=detection"):
        TASK.accept(torch.zeros(2, 4, 4, dtype=torch.long))
    with pytest.raises(ValueError, match="mixup"):
        TASK.soft(TARGETS)


def test_answers_are_rows_with_all_boxes() -> None:
    logits = torch.full((2, 2, 6), -1.0)
    logits[0, 0] = torch.tensor([1, 0.75, 1, 2, 3.25, 4])
    cells = [*TASK.answers(Outputs(logits), ["a", "b"], None)]
    assert cells[0][:3] == ["1", "dog", "0.7500"]
    assert json.loads(cells[0][3]) == [["dog", 0.75, 1, 2, 3.25, 4]]
    assert cells[1] == ["0", "", "", "[]"]
    assert len(TASK.columns()) == 4
    assert [TASK.number(0), Detection(("a", "b")).number(1)] == [7, 2]


def test_a_teacher_that_finds_nothing_is_told() -> None:
    bad = TASK.judge({"map": 0.0, "map50": 0.001}, TARGETS, "validation")
    assert isinstance(bad, Doubt)
    assert "next to nothing" in bad.told
    good = TASK.judge({"map": 0.2, "map50": 0.5}, TARGETS, "validation")
    assert good == Doubt({"teacher_val_map": 0.2})


def test_it_is_described_with_the_numbers_of_its_classes() -> None:
    told = json.loads(json.dumps(TASK.described))
    target = told.pop("_target_")
    assert target == "kdrun.task.detection.Detection"
    assert Detection(classes=TASK.classes, **told) == TASK
