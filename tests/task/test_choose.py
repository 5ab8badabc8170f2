"""Where a task comes from: the form of targets, a config, or a file of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from kdrun.task import Task
from kdrun.task.choose import from_header, with_task
from kdrun.task.classification import Classification
from kdrun.task.generation import Generation
from kdrun.task.regression import Regression
from kdrun.types import Arrays, Dataset

CLASSES = Arrays(torch.zeros(4, 2), torch.tensor([0, 1, 1, -1]))
VALUES = Arrays(torch.zeros(4, 2), torch.rand(4))
REGRESSION = {"_target_": "kdrun.task.regression.Regression"}


@dataclass(frozen=True)
class Scaled(Regression):
    """A task with an argument of its own."""

    factor: float = 1.0
    name: ClassVar[str] = "scaled"


def test_the_config_goes_before_the_dataset_and_its_source() -> None:
    source = Dataset(VALUES, None, VALUES, [], (2,))
    data = Dataset(VALUES, None, VALUES, [], (2,), source=source)
    section = {"_target_": f"{__name__}.Scaled", "factor": 3.0}
    told = with_task(data, section, ["tests"])
    assert told.task == Scaled(factor=3.0)
    assert told.source is not None
    assert told.source.task == told.task
    assert with_task(data, None) is data


def test_targets_must_be_in_the_form_of_the_task() -> None:
    classes = Dataset(CLASSES, None, CLASSES, ["a", "b"], (2,))
    with pytest.raises(ValueError, match="regression is of values"):
        with_task(classes, REGRESSION)
    values = Dataset(VALUES, None, VALUES, [], (2,))
    with pytest.raises(ValueError, match="classification is of classes"):
        with_task(values, {"_target_": "kdrun.task.classification.Classification"})


@pytest.mark.parametrize("task", [Classification(("a", "b")), Regression(), Scaled(factor=2.0)])
def test_a_file_of_weights_gives_a_task_back(task: Task) -> None:
    header = {"classes": list(task.classes), "task": task.described}
    assert from_header(header, ["tests"]) == task


def test_an_older_file_says_it_by_its_classes() -> None:
    assert from_header({"classes": ["a"]}) == Classification(("a",))
    assert from_header({"classes": []}) == Regression()


@pytest.mark.parametrize("name", ["kdrun.task.form.by_form", "os.system", f"{__name__}.Scaled"])
def test_a_file_names_no_more_than_tasks(name: str) -> None:
    with pytest.raises(ValueError, match="not allowed here"):
        from_header({"classes": [], "task": {"_target_": name}})


def test_a_typed_task_of_the_same_kind_keeps_what_the_data_know() -> None:
    tokens = Arrays(torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.long))
    data = Dataset(tokens, None, tokens, [], (3,), task=Generation(vocabulary=7))
    typed = {"_target_": "kdrun.task.generation.Generation"}
    assert with_task(data, typed).task == Generation(vocabulary=7)
    with pytest.raises(ValueError, match="dataset=lines"):
        with_task(Dataset(CLASSES, None, CLASSES, ["a", "b"], (2,)), typed)
