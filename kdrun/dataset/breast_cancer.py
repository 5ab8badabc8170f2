"""Breast cancer in Wisconsin: the medical table that comes with scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import torch

from kdrun.dataset.domains import Domain, combine, standardise
from kdrun.dataset.fold import Fold, divide
from kdrun.types import Arrays, Dataset


def breast_cancer(
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    test_fraction: float = 0.3,
    fold: Fold | None = None,
) -> Dataset:
    """30 standardised measures of cell nuclei in 569 tumours, malignant or benign.

    Street, Wolberg, Mangasarian, 1993. https://doi.org/10.24432/C5DW2B

    Args:
        val_fraction: how much of the training data is for model selection.
        split_seed: what every split is a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        test_fraction: how much of all is for testing.
        fold: what is tested on in cross-validation; None for the split of `test_fraction`.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    whole = Arrays(torch.from_numpy(found.data).float(), torch.from_numpy(found.target).long())
    train, test = divide(whole, test_fraction, split_seed, fold)
    classes = [str(name) for name in found.target_names]
    data = combine(
        Domain("", train, test, classes),
        None,
        labels="all",
        val_fraction=val_fraction,
        split_seed=split_seed,
        train_size=train_size,
        fit=standardise,
    )
    return replace(data, columns=tuple(str(name) for name in found.feature_names))
