"""Average precision: the numbers of pycocotools, and by hand."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.task.precision import SIZES, average_precision


def some(pictures: int, classes: int, seed: int, crowds: bool) -> tuple[list[Tensor], list[Tensor]]:
    """True boxes, and found ones that are some of these shaken, with ties among scores."""
    draw = np.random.default_rng(seed)
    true, found = [], []
    for _ in range(pictures):
        count = int(draw.integers(0, 6))
        corner, side = draw.integers(0, 40, (count, 2)), draw.integers(4, 24, (count, 2))
        label = draw.integers(0, classes, (count, 1))
        crowd = draw.random((count, 1)) < (0.3 if crowds else 0)
        own = np.hstack([label, corner, corner + side, crowd]).astype(float)
        extra = np.hstack([draw.integers(0, classes, (4, 1)), draw.integers(0, 30, (4, 2))])
        wrong = np.hstack([extra, extra[:, 1:] + draw.integers(4, 20, (4, 2))])
        shaken = own[:, :5] + np.hstack([np.zeros((count, 1)), draw.integers(-3, 4, (count, 4))])
        shaken = shaken[(shaken[:, 3] > shaken[:, 1]) & (shaken[:, 4] > shaken[:, 2])]
        rows = np.vstack([shaken, wrong])
        scores = draw.integers(1, 9, (len(rows), 1)) / 10
        said = np.hstack([rows[:, :1], scores, rows[:, 1:]])
        nothing = np.full((2, 6), -1.0)
        true.append(torch.from_numpy(np.vstack([own, nothing])))
        found.append(torch.from_numpy(np.vstack([said, nothing])))
    return true, found


def scaled(rows: Tensor, first: int) -> Tensor:
    """Boxes whose numbers begin at a column, five times as large: sides of up to 120 pixels."""
    larger = rows.clone()
    larger[rows[:, 0] >= 0, first : first + 4] *= 5
    return larger


def by_pycocotools(
    true: list[Tensor], found: list[Tensor], classes: int, size: int = 0
) -> np.ndarray:
    """(10, C): precision over recalls, mean; NaN where there is nothing to find."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    boxes = []
    for image, rows in enumerate(true):
        for label, left, top, right, bottom, crowd in rows.tolist():
            if label >= 0:
                box = [left, top, right - left, bottom - top]
                boxes.append(
                    {
                        "id": len(boxes) + 1,
                        "image_id": image,
                        "category_id": int(label),
                        "bbox": box,
                        "area": box[2] * box[3],
                        "iscrowd": int(crowd),
                    }
                )
    results = [
        {
            "image_id": image,
            "category_id": int(label),
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
        }
        for image, rows in enumerate(found)
        for label, score, left, top, right, bottom in rows.tolist()
        if label >= 0
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        whole = coco.COCO()
        whole.dataset = {
            "images": [{"id": image} for image in range(len(true))],
            "categories": [{"id": label} for label in range(classes)],
            "annotations": boxes,
            "info": {},
        }
        whole.createIndex()
        run = evaluation.COCOeval(whole, whole.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
    precision: np.ndarray = run.eval["precision"][:, :, :, size, 2]  # 100 boxes
    return np.where(precision.min(1) < 0, np.nan, precision.mean(1))


@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_it_is_that_of_pycocotools(seed: int, crowds: bool) -> None:
    true, found = some(12, 3, seed, crowds)
    own = average_precision(true, found, 3)
    np.testing.assert_allclose(own, by_pycocotools(true, found, 3), rtol=0, atol=1e-12)
    assert 0.05 < np.nanmean(own) < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_each_size_is_that_of_pycocotools(seed: int) -> None:
    true, found = some(60, 2, seed, crowds=True)
    true, found = [scaled(rows, 1) for rows in true], [scaled(rows, 2) for rows in found]
    for place, size in enumerate(SIZES):
        own = average_precision(true, found, 2, size)
        np.testing.assert_allclose(own, by_pycocotools(true, found, 2, place), rtol=0, atol=1e-12)
        assert 0 < np.nanmean(own) < 1


def test_by_hand() -> None:
    true = [torch.tensor([[0, 0, 0, 10, 10, 0], [0, 20, 20, 30, 30, 0.0]])]
    found = [
        torch.tensor([[0, 0.9, 0, 0, 10, 10], [0, 0.8, 50, 50, 60, 60], [0, 0.7, 20, 20, 30, 28]])
    ]
    each = average_precision(true, found, 2)
    # Half of the recalls, and the one in the middle, at precision 1; the others at 2/3, if at all.
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    assert each[0, 0] == pytest.approx(both)
    assert each[6, 0] == pytest.approx(both)  # 0.8 is overlapped
    assert each[7, 0] == pytest.approx(one)
    assert np.isnan(each[:, 1]).all()


def test_the_same_box_twice_is_right_once() -> None:
    true = [torch.tensor([[0, 0, 0, 10, 10, 0.0]])]
    row = [0, 0.5, 0, 0, 10, 10]
    assert average_precision(true, [torch.tensor([row])], 1)[0, 0] == 1
    assert average_precision(true, [torch.tensor([row, row])], 1)[0, 0] == 1  # found before
    first = [0, 0.9, 5, 5, 15, 15]
    assert average_precision(true, [torch.tensor([first, row])], 1)[0, 0] == 0.5


def test_nothing_found_is_zero_and_nothing_to_find_is_no_number() -> None:
    nothing = torch.full((1, 6), -1.0)
    true = torch.tensor([[1, 0, 0, 10, 10, 0.0]])
    each = average_precision([true], [nothing], 2)
    assert np.isnan(each[:, 0]).all()
    assert (each[:, 1] == 0).all()
