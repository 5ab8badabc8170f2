"""Counts of pixels, and maps at another size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from kdrun.task.pixels import at_size, brought_to, iou, mean_iou


def test_intersection_over_union_of_each_class() -> None:
    confusion = torch.tensor([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    assert iou(confusion).tolist() == pytest.approx([3 / 6, 4 / 7, 0])
    assert mean_iou(confusion) == pytest.approx((3 / 6 + 4 / 7) / 2)
    assert mean_iou(torch.zeros(3, 3, dtype=torch.int64)) == 0


def test_maps_grow_by_interpolation_and_shrink_by_means() -> None:
    maps = torch.rand(2, 3, 4, 6)
    assert brought_to(maps, (4, 6)) is maps
    assert torch.equal(brought_to(maps, (2, 3)), F.avg_pool2d(maps, 2))
    grown = F.interpolate(maps, size=(8, 12), mode="bilinear", align_corners=False)
    assert torch.equal(brought_to(maps, (8, 12)), grown)


def test_labels_shrink_to_nearest_pixels() -> None:
    labels = torch.arange(16).view(1, 4, 4)
    assert at_size(labels, (4, 4)) is labels
    assert at_size(labels, (2, 2)).tolist() == [[[0, 2], [8, 10]]]
