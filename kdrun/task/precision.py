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

Matched = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Scores (D,), whether each was right (10, D), and whether each counts (10, D)."""


class Matches(NamedTuple):
    """Which boxes of each picture are right.

    Attributes:
        parts: of each picture, for each class.
        totals: (N, C) true boxes that are to be found.
    """

    parts: list[list[Matched]]
    totals: np.ndarray

    def some(self, index: Sequence[int]) -> Matches:
        """Those of some pictures, one of which may come several times."""
        return Matches([self.parts[place] for place in index], self.totals[list(index)])


def average_precision(true: Sequence[Tensor], found: Sequence[Tensor], classes: int) -> np.ndarray:
    """The average precision of each class at each overlap.

    In each picture the boxes of a class are gone through by falling score, and each takes the true
    box that it overlaps most of those that are left. Precision is read off at 101 recalls, as the
    best that is had there or further on. What takes a crowd counts as neither right nor wrong.

    Args:
        true: of each picture (M, 6): class, left, top, right, bottom, crowd; class -1 for none.
        found: of each picture (D, 6): class, score, left, top, right, bottom; class -1 for none.
        classes: how many there are.

    Returns:
        (10, C) float64; NaN where no picture has a box of the class.
    """
    return precision_of(matches(true, found, classes))


def matches(true: Sequence[Tensor], found: Sequence[Tensor], classes: int) -> Matches:
    """The first half of `average_precision`: what each picture is by itself."""
    parts, totals = [], np.zeros((len(true), classes), np.int64)
    for place, (one, other) in enumerate(zip(true, found, strict=True)):
        own, said = one.double().numpy(), other.double().numpy()
        row = []
        for label in range(classes):
            boxes = own[own[:, 0] == label]
            totals[place, label] = (boxes[:, 5] == 0).sum()
            row.append(_matched(boxes, said[said[:, 0] == label]))
        parts.append(row)
    return Matches(parts, totals)


def precision_of(found: Matches) -> np.ndarray:
    """The second half: (10, C) over all pictures."""
    totals = found.totals.sum(0)
    precision = np.full((len(THRESHOLDS), len(totals)), np.nan)
    for label, total in enumerate(totals.tolist()):
        if total:
            precision[:, label] = _precision([row[label] for row in found.parts], total)
    return precision


def _matched(true: np.ndarray, found: np.ndarray) -> Matched:
    """Which of the boxes of a class in a picture are right."""
    found = found[np.argsort(-found[:, 1], kind="stable")][:MOST]
    true = true[np.argsort(true[:, 5], kind="stable")]  # crowds last
    crowd = true[:, 5] > 0
    right = np.zeros((len(THRESHOLDS), len(found)), bool)
    counts = np.ones_like(right)
    if not len(true) or not len(found):
        return found[:, 1], right, counts
    overlap = _overlap(found[:, 2:6], true[:, 1:5], crowd)
    for row, threshold in enumerate(THRESHOLDS):
        taken = np.zeros(len(true), bool)
        for place in range(len(found)):
            best = _best(overlap[place], taken, crowd, min(threshold, 1 - 1e-10))
            if best < 0:
                continue
            taken[best] = True
            right[row, place] = not crowd[best]
            counts[row, place] = not crowd[best]
    return found[:, 1], right, counts


def _best(overlap: np.ndarray, taken: np.ndarray, crowd: np.ndarray, least: float) -> int:
    """The true box that one overlaps most, a plain one before any crowd; -1 for none."""
    for group in (~crowd & ~taken, crowd):
        places = np.flatnonzero(group & (overlap >= least))
        if len(places):  # of equals the last, as pycocotools has it
            return int(places[len(places) - 1 - np.argmax(overlap[places][::-1])])
    return -1


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
