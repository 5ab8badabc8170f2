"""Steps over pixels and boxes: recorded to the same bits, or a reason why not; and resumed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from kdrun.config.schema import Steps, Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.method.distill import Distill
from kdrun.model.fcos import FCOS
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.task import Task
from kdrun.task.detection import Detection, stacked
from kdrun.task.segmentation import Segmentation
from kdrun.teacher.network import Frozen
from kdrun.train.capture import why_not
from kdrun.types import Arrays, Loader
from tests.train.test_capture import go, hold, same, terms, training

SETTINGS = Train(epochs=3, progress=False, step=Steps.captured)
VIEW = Augment(crop_padding=1, flip=True, scale=0.1)
PIXELS, BOXES = Segmentation(("a", "b", "c")), Detection(("a", "b"))
NORM: dict[str, Any] = {"mean": [0.5] * 3, "std": [0.25] * 3}


def images(samples: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 255, (samples, 3, size, size), generator=generator).to(torch.uint8)


def split_of(task: Task) -> Arrays:
    """Pictures of a class a pixel, some void; or of a box or two, the last one of none."""
    if task is PIXELS:
        pictures = images(16, 6)
        labels = pictures.long().argmax(1)
        labels[:, 0] = -1
        return Arrays(pictures, labels, task=task)
    each = [[[n % 2, 2, 3 + n, 16 + n, 20, 0]] * (1 + n % 2) for n in range(8)]
    return Arrays(images(9, 32), stacked([*each, []]), task=task)


def batches(task: Task, device: torch.device | str = "cpu") -> Loader:
    view: dict[str, Any] = {"augment": VIEW, "channels_last": True, "task": task}
    return make_loader(split_of(task), 4, seed=3, train=True, device=device, **view)


def net(task: Task, seed: int, width: int) -> Network:
    torch.manual_seed(seed)
    if task is BOXES:
        made = FCOS("test_efficientnet", 2, 3, width * 8, convs=1)
        return Network(made, stages=made.stage_names, head=made.head_name, **NORM)
    blocks = (
        nn.Sequential(nn.Conv2d(i, width, 3, s, 1), nn.BatchNorm2d(width), nn.ReLU())
        for i, s in ((3, 1), (width, 2))
    )
    return Network(nn.Sequential(*blocks, nn.Conv2d(width, 3, 1)), stages=["0", "1"], **NORM)


def distill(name: str, task: Task) -> Distill:
    losses, weights = terms(name)
    objective = Objective(losses, weights, task)
    student, teacher = net(task, 0, 4), Frozen(net(task, 1, 8))
    student.keep(objective.needs)
    teacher.keep(objective.needs)
    first = next(iter(batches(task).epoch(0)))
    student.eval(), teacher.eval()
    with torch.no_grad():
        objective.build(student(first), teacher(first), split_of(task).targets)
    return Distill(objective.deploy(student), teacher, objective)


@pytest.mark.parametrize("name", ["cwd", "pairwise", "ifvd", "at"])
def test_maps_are_recorded(name: str) -> None:
    method = distill(name, PIXELS)
    assert why_not(training(method, SETTINGS), batches(PIXELS)) == ""
    hold(method, batches(PIXELS), SETTINGS)


@pytest.mark.parametrize(
    ("name", "task", "reason"),
    [
        ("pixels/kd", PIXELS, "Objective: how many pixels count is asked of the device"),
        ("cirkd", PIXELS, "Objective: how many pixels count is asked of the device"),
        ("fgd", BOXES, "FCOS: the number of boxes is asked of the device"),
    ],
)
def test_what_cannot_be_recorded_says_why_and_is_the_same_over_static_tensors(
    name: str, task: Task, reason: str
) -> None:
    method = distill(name, task)
    assert why_not(training(method, SETTINGS), batches(task)) == reason
    hold(method, batches(task), SETTINGS)


@pytest.mark.parametrize(("name", "task"), [("cirkd", PIXELS), ("mgd", BOXES)])
def test_two_and_one_resumed_are_three(name: str, task: Task) -> None:
    method, loader = distill(name, task), batches(task)
    slow = Train(epochs=3, progress=False, step=Steps.eager)
    whole = go(training(copy.deepcopy(method), slow), loader, slow)
    half = Train(**{**vars(slow), "epochs": 2})
    first = go(training(copy.deepcopy(method), half), loader, half)
    second = training(copy.deepcopy(method), slow)
    torch.manual_seed(99)
    second.load(copy.deepcopy(first.state()))
    assert same(whole, go(second, loader, slow))
    assert not same(whole, first)
