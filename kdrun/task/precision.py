"""Average precision of boxes, by the rules of COCO: the numbers of pycocotools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Overlaps at which a box counts as found: intersection over union."""

RECALLS = np.linspace(0, 1, 101)
"""Where the precision is read off."""

MOST = 100
"""Boxes of a class that count in a picture, the best ones."""

SIZES = {
    "all": (0.0, np.inf),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, np.inf),
}
"""Areas of boxes in square pixels, by name, as COCO has them; both ends belong to each."""

Matched = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Scores (D,); and (4, 10, D), by size and overlap: whether each was right, whether it counts."""


class Matches(NamedTuple):
    """Which boxes of each picture are right.

    Attributes:
        parts: of each picture, for each class.
        totals: (N, C, 4) true boxes that are to be found, by size.
    """

    parts: list[list[Matched]]
    totals: np.ndarray

    def some(self, index: Sequence[int]) -> Matches:
        """Those of some pictures, one of which may come several times."""
        return Matches([self.parts[place] for place in index], self.totals[list(index)])


def average_precision(
    true: Sequence[Tensor], found: Sequence[Tensor], classes: int, size: str = "all"
) -> np.ndarray:
    """The average precision of each class at each overlap.

    In each picture the boxes of a class are gone through by falling score, and each takes the true
    box that it overlaps most of those that are left. Precision is read off at 101 recalls, as the
    best that is had there or further on. What takes a crowd counts as neither right nor wrong; of
    one size, so does what takes a box of another, or none and is of another size itself.

    Args:
        true: of each picture (M, 6): class, left, top, right, bottom, crowd; class -1 for none.
        found: of each picture (D, 6): class, score, left, top, right, bottom; class -1 for none.
        classes: how many there are.
        size: one of `SIZES`, of which boxes are to be found.

    Returns:
        (10, C) float64; NaN where no picture has a box of the class.
    """
    return precision_of(matches(true, found, classes), size)


def matches(true: Sequence[Tensor], found: Sequence[Tensor], classes: int) -> Matches:
    """The first half of `average_precision`: what each picture is by itself."""
    parts, totals = [], np.zeros((len(true), classes, len(SIZES)), np.int64)
    for place, (one, other) in enumerate(zip(true, found, strict=True)):
        own, said = one.double().numpy(), other.double().numpy()
        row = []
        for label in range(classes):
            boxes = own[own[:, 0] == label]
            ignored = (boxes[:, 5] > 0) | _outside(boxes[:, 1:5])
            totals[place, label] = (~ignored).sum(1)
            row.append(_matched(boxes, said[said[:, 0] == label], ignored))
        parts.append(row)
    return Matches(parts, totals)


def precision_of(found: Matches, size: str = "all") -> np.ndarray:
    """The second half: (10, C) over all pictures."""
    place = [*SIZES].index(size)
    totals = found.totals[..., place].sum(0)
    precision = np.full((len(THRESHOLDS), len(totals)), np.nan)
    for label, total in enumerate(totals.tolist()):
        if total:
            each = [row[label] for row in found.parts]
            parts = [(scores, right[place], counts[place]) for scores, right, counts in each]
            precision[:, label] = _precision(parts, total)
    return precision


def _outside(boxes: np.ndarray) -> np.ndarray:
    """(4, M): whether each box (M, 4) is of another size, for each size."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    low, high = np.array([*SIZES.values()]).T[..., None]
    outside: np.ndarray = (area < low) | (area > high)
    return outside


def _matched(true: np.ndarray, found: np.ndarray, ignored: np.ndarray) -> Matched:
    """Which of the boxes of a class in a picture are right.

    Args:
        true: (M, 6).
        found: (D, 6).
        ignored: (4, M) true boxes that are not to be found, by size.
    """
    found = found[np.argsort(-found[:, 1], kind="stable")][:MOST]
    right = np.zeros((len(SIZES), len(THRESHOLDS), len(found)), bool)
    counts = np.repeat(~_outside(found[:, 2:6])[:, None], len(THRESHOLDS), 1)
    if not len(true) or not len(found):
        return found[:, 1], right, counts
    crowd = true[:, 5] > 0
    overlap = _overlap(found[:, 2:6], true[:, 1:5], crowd)
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]
    taken = np.zeros((len(SIZES), len(THRESHOLDS), len(true)), bool)
    for place, row in enumerate(overlap):
        best, any_box = _best(row, row >= least, taken, ignored, crowd)
        size, at = np.nonzero(any_box)
        box = best[size, at]
        taken[size, at, box] = True
        right[size, at, place] = counts[size, at, place] = ~ignored[size, box]
    return found[:, 1], right, counts


def _best(
    row: np.ndarray, enough: np.ndarray, taken: np.ndarray, ignored: np.ndarray, crowd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(4, 10): the true box that one overlaps most, one to be found before any other; and if any.

    Args:
        row: (M,) overlaps.
        enough: (10, M) whether these are large enough.
        taken: (4, 10, M) whether a true box belongs to another; a crowd may do so many times.
        ignored: (4, M).
        crowd: (M,).
    """
    other = ignored[:, None]
    plain, rest = enough & ~taken & ~other, enough & (~taken | crowd) & other
    group = np.where(plain.any(-1, keepdims=True), plain, rest)
    last = np.where(group, row, -1.0)[..., ::-1].argmax(-1)  # of equals, as pycocotools has it
    return len(row) - 1 - last, group.any(-1)


def _overlap(found: np.ndarray, true: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """(D, M): intersection over union; over the found box alone where the true one is a crowd."""
    low = np.maximum(found[:, None, :2], true[None, :, :2])
    high = np.minimum(found[:, None, 2:], true[None, :, 2:])
    common = (high - low).clip(min=0).prod(2)
    own, other = ((x[:, 2:] - x[:, :2]).clip(min=0).prod(1) for x in (found, true))
    union = np.where(crowd, own[:, None], own[:, None] + other - common)
    overlap: np.ndarray = common / np.maximum(union, 1e-12)
    return overlap


def _precision(parts: Sequence[Matched], total: int) -> np.ndarray:
    """(10,): mean precision over the recalls."""
    scores = np.concatenate([part[0] for part in parts])
    order = np.argsort(-scores, kind="mergesort")
    right, counts = (np.concatenate([part[n] for part in parts], 1)[:, order] for n in (1, 2))
    hits = np.cumsum(right & counts, 1).astype(np.float64)
    misses = np.cumsum(~right & counts, 1).astype(np.float64)
    found = np.zeros(len(THRESHOLDS))
    for row in range(len(THRESHOLDS)):
        recall = hits[row] / total
        precise = hits[row] / np.maximum(hits[row] + misses[row], np.spacing(1))
        precise = np.maximum.accumulate(precise[::-1])[::-1]
        places = np.searchsorted(recall, RECALLS, side="left")
        inside = places < len(precise)
        found[row] = precise[places[inside]].sum() / len(RECALLS)
    return found
