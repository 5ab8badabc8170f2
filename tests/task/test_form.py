"""Whole numbers are classes, others values."""

from __future__ import annotations

import torch

from kdrun.task.classification import Classification
from kdrun.task.form import by_form
from kdrun.task.regression import Regression


def test_whole_numbers_are_classes_and_others_values() -> None:
    labels = torch.tensor([0, 1, 1, -1])
    assert by_form(labels, ["a", "b"]) == Classification(("a", "b"))
    assert by_form(torch.rand(3, 2), ["a", "b"]) == Classification(("a", "b"))
    assert by_form(torch.rand(4)) == Regression()
