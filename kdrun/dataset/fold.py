"""Folds of cross-validation: a function of the data and `split_seed` alone."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from kdrun.dataset.split import hold_out, select, strata
from kdrun.task.choose import of_split
from kdrun.types import Split

log = logging.getLogger(__name__)


class Fold(NamedTuple):
    """Which part of some data is tested on; the rest of them is for training.

    Attributes:
        number: from 0.
        of: how many parts there are.
    """

    number: int
    of: int


def divide(
    whole: Split, test_fraction: float, split_seed: int, fold: Fold | None = None
) -> tuple[Split, Split]:
    """Training and test samples of data that nobody has divided yet.

    Args:
        whole: every sample.
        test_fraction: how much is for testing; not read with a fold.
        split_seed: what the choice is a function of.
        fold: what is tested on; None for one cut by `test_fraction`.

    Raises:
        ValueError: the fraction, or the number of folds, does not fit the data.
    """
    if fold is None:
        groups = whole.groups
        rest, held = hold_out(strata(whole), test_fraction, split_seed, "test_fraction", groups)
    else:
        rest, held = fold_of(whole, split_seed, fold)
    return select(whole, rest), select(whole, held)


def redivide(
    train: Split, test: Split, split_seed: int, fold: Fold | None = None
) -> tuple[Split, Split]:
    """Training and test samples of data with a test split of their own, which no fold reads.

    Args:
        train: every training sample.
        test: the test split.
        split_seed: what the choice is a function of.
        fold: of the training samples, tested on instead; None for the splits as they are.

    Raises:
        ValueError: the number of folds does not fit the data.
    """
    return (train, test) if fold is None else divide(train, 0, split_seed, fold)


def fold_of(whole: Split, split_seed: int, fold: Fold) -> tuple[Tensor, Tensor]:
    """The positions outside of a fold and those in it, both ascending.

    scikit-learn's `StratifiedKFold`, shuffled by `split_seed`; its `StratifiedGroupKFold` where the
    samples have groups, none of which is then on both sides. In regression the strata are fifths.

    Raises:
        ValueError: one of the folds, whichever, leaves one class only to test or to train on.
    """
    parts = list(_parts(whole, split_seed, fold.of))
    if of_split(whole).classifies:
        _check(strata(whole), parts)
    inside = torch.zeros(len(whole), dtype=torch.bool)
    inside[parts[fold.number]] = True
    return inside.logical_not().nonzero().squeeze(1), inside.nonzero().squeeze(1)


def _parts(whole: Split, split_seed: int, count: int) -> Iterator[Tensor]:
    """The positions in each fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    groups = whole.groups
    classes = strata(whole).numpy()
    things, size = ("samples", len(whole)) if groups is None else ("groups", len(groups.unique()))
    if size < count:
        raise ValueError(f"cv.folds={count}: there are {size} {things}; give fewer folds.")
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = splitter(count, shuffle=True, random_state=split_seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # `_check` looks
        try:
            for _, held in folds.split(
                classes, classes, None if groups is None else groups.numpy()
            ):
                yield torch.from_numpy(held)
        except ValueError as fault:
            raise ValueError(f"cv.folds={count}: no class has so many samples.") from fault


def _check(classes: Tensor, parts: list[Tensor]) -> None:
    """Refuse folds in which there is nothing to tell apart; say which classes some folds lack."""
    everything, counts = classes.unique(return_counts=True)
    for number, held in enumerate(parts):
        outside = torch.ones(len(classes), dtype=torch.bool)
        outside[held] = False
        for what, part in (("test", classes[held]), ("training", classes[outside])):
            if len(part.unique()) < 2:
                raise ValueError(
                    f"cv.folds={len(parts)}: the {what} part of fold {number} holds one class "
                    f"only; the rarest of the {len(everything)} classes has {int(counts.min())} "
                    "samples. Give fewer folds, or more samples of it."
                )
    lacking = sum(len(classes[held].unique()) < len(everything) for held in parts)
    if lacking:
        log.warning("%d of %d folds lack a class in their test part", lacking, len(parts))
