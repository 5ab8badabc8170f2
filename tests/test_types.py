"""The plain data that every part speaks: values, as long as their targets, sure of their task."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from kdrun import types
from kdrun.batch import Batch, Outputs
from kdrun.task.classification import Classification
from kdrun.task.generation import Generation
from kdrun.task.regression import Regression
from kdrun.types import Arrays, Dataset, Files

CLASSES = Arrays(torch.zeros(4, 2), torch.tensor([0, 1, 1, -1]))
VALUES = Arrays(torch.zeros(4, 2), torch.rand(4))


def test_a_batch_and_outputs_are_the_same_here() -> None:
    assert types.Batch is Batch
    assert types.Outputs is Outputs


def test_a_split_is_as_long_as_its_targets() -> None:
    assert len(CLASSES) == 4
    assert len(Arrays({"x": torch.zeros(3, 2)}, torch.zeros(3))) == 3
    assert len(Files(["a", "b"], torch.zeros(2), 8)) == 2


def test_a_dataset_says_its_task_or_has_that_of_its_targets() -> None:
    assert Dataset(CLASSES, None, CLASSES, ["a", "b"], (2,)).task == Classification(("a", "b"))
    assert Dataset(VALUES, None, VALUES, [], (2,)).task == Regression()
    own = Regression()
    assert Dataset(VALUES, None, VALUES, [], (2,), task=own).task is own


def test_the_task_of_a_split_goes_before_the_form_of_its_targets() -> None:
    tokens = Arrays(torch.zeros(4, 2), torch.ones(4, 2).long(), task=Generation(vocabulary=9))
    assert Dataset(tokens, None, tokens, [], (2,)).task == Generation(vocabulary=9)


def test_a_split_is_a_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CLASSES.targets = torch.zeros(4)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Dataset(VALUES, None, VALUES, [], (2,)).classes = ["a"]  # type: ignore[misc]
