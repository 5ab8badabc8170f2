"""Classes of masks by their names, and splits one after the other."""

from __future__ import annotations

import torch

from kdrun.evaluate.reads import Reads, joined, known
from kdrun.task.segmentation import Segmentation
from kdrun.types import Arrays, Files


def test_masks_have_their_classes_renamed_and_keep_what_counts_for_none() -> None:
    told: list[str] = []
    reads = Reads((3, 8, 8), None, Segmentation(("cat", "dog")), (), False, told.append)
    masks = torch.tensor([[[0, 1], [-1, 0]], [[-1, -1], [-1, -1]]])
    split = Arrays(torch.zeros(2, 3, 2, 2, dtype=torch.uint8), masks, task=Segmentation())
    found = known(split, ["dog", "cat"], reads, "here")
    assert found.targets.tolist() == [[[1, 0], [-1, 1]]]
    assert told == ["here: 1 samples without a label that is known are left out"]


def test_splits_stand_one_after_the_other() -> None:
    one = Arrays({"x": torch.zeros(2, 3)}, torch.tensor([0, 1]), ["a", "b"])
    both = joined([one, one])
    assert isinstance(both, Arrays)
    assert both.ids == ["a", "b", "a", "b"]
    assert isinstance(both.inputs, dict)
    assert both.inputs["x"].shape == (4, 3)
    files = Files(["p/1.png"], torch.tensor([1]), 8)
    assert joined([files, files]).targets.tolist() == [1, 1]
