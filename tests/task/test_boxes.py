"""What a split's boxes come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.task.boxes import Boxes, means
from kdrun.types import Batch, Outputs

TRUE = torch.tensor(
    [
        [[0, 0, 0, 10, 10, 0], [1, 20, 20, 30, 30, 0]],
        [[0, 5, 5, 15, 15, 0], [-1, 0, 0, 0, 0, 0]],
    ]
).float()
RIGHT = torch.tensor(
    [
        [[0, 0.9, 0, 0, 10, 10], [1, 0.8, 20, 20, 30, 30]],
        [[0, 0.9, 5, 5, 15, 15], [-1, 0, 0, 0, 0, 0]],
    ]
)


def counted(student: torch.Tensor, teacher: torch.Tensor | None = None) -> Boxes:
    tally = Boxes(["cat", "dog", "cow"])
    for part in (slice(0, 1), slice(1, 2)):
        batch = Batch(torch.zeros(1, 3, 32, 32), TRUE[part], torch.arange(1))
        tally.add(
            Outputs(student[part]), None if teacher is None else Outputs(teacher[part]), batch
        )
    return tally


def test_all_found_is_one_and_the_teacher_is_scored_too(tmp_path: Path) -> None:
    lacking = RIGHT.clone()
    lacking[0, 1, 0] = -1
    tally = counted(lacking, RIGHT)
    assert tally.scores().metrics == {
        **{"map": 0.5, "map50": 0.5, "map75": 0.5, "map_small": 0.5},
        **{"teacher_map": 1.0, "teacher_map50": 1.0, "teacher_map75": 1.0},
    }
    tally.write(tmp_path)
    assert (tmp_path / "ap.csv").read_text().splitlines() == [
        "class,ap,ap50,ap75,ap_small,ap_medium,ap_large,boxes",
        "cat,1.000000,1.000000,1.000000,1.000000,,,2",
        "dog,0.000000,0.000000,0.000000,0.000000,,,1",
        "cow,,,,,,,0",
    ]


def test_an_overlap_between_the_thresholds_counts_at_the_lower() -> None:
    off = RIGHT.clone()
    off[..., 4] -= 3  # 0.7 of each box is left
    metrics = counted(off).scores().metrics
    assert metrics["map50"] == 1
    assert metrics["map75"] == 0
    assert metrics["map"] == pytest.approx(0.5)  # at 0.5, 0.55, 0.6, 0.65 and 0.7


def test_a_split_without_boxes_scores_nothing() -> None:
    assert means(np.full((10, 2), np.nan)) == {"map": 0, "map50": 0, "map75": 0}


def test_some_pictures_are_counted_by_themselves_and_one_may_come_twice() -> None:
    lacking = RIGHT.clone()
    lacking[0, :, 0] = -1
    tally = counted(lacking, RIGHT)
    assert tally.some(torch.tensor([1])).scores().metrics == {
        **{"map": 1, "map50": 1, "map75": 1, "map_small": 1},
    }
    assert tally.some(torch.tensor([0, 0])).scores().metrics["map"] == 0
    both = tally.some(torch.tensor([0, 1, 1])).by_class()[0]
    assert both[0] == pytest.approx(67 / 101)  # two of three, at precision one
    assert both[1] == 0
