"""Boxes in a student's classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kdrun.evaluate.labelled import of_dataset
from kdrun.evaluate.reads import Reads
from kdrun.task.detection import Detection, stacked
from kdrun.types import Arrays, Dataset

STUDENT = Detection(("cat", "dog"))


def data(*classes: str, size: int = 32) -> Dataset:
    boxes = [[[n, 1, 2, 9, 9, 0] for n in range(len(classes))], []]
    images = torch.zeros(2, 3, size, size, dtype=torch.uint8)
    split = Arrays(images, stacked(boxes), task=Detection())
    return Dataset(split, None, split, list(classes), (3, size, size))


def reads(**more: Any) -> Reads:
    return Reads((3, 32, 32), None, STUDENT, (), more.get("known_only", False), lambda _: None)


def test_classes_are_matched_by_their_names() -> None:
    found = of_dataset(data("dog", "cat"), reads())
    assert found.split.targets[0, :, 0].tolist() == [1, 0]
    assert found.split.targets[1, :, 0].tolist() == [-1, -1]
    assert found.split.targets[0, 0, 1:].tolist() == [1, 2, 9, 9, 0]
    assert found.domains is None


def test_other_classes_are_told_or_left_out() -> None:
    with pytest.raises(ValueError, match="class 'cow' is none"):
        of_dataset(data("cow", "cat"), reads())
    found = of_dataset(data("cow", "cat"), reads(known_only=True))
    assert found.split.targets[0, :, 0].tolist() == [-1, 0]
    with pytest.raises(ValueError, match="no box of these data"):
        of_dataset(data("cow"), reads(known_only=True))


def test_other_sizes_and_other_labels_are_told() -> None:
    with pytest.raises(ValueError, match=r"dataset.image_size=\[32,32\]"):
        of_dataset(data("cat", size=64), reads())
    split = Arrays(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="the labels are classification's"):
        of_dataset(Dataset(split, None, split, ["cat", "dog"], (3, 32, 32)), reads())
