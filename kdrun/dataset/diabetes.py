"""A year of diabetes: the regression data that come with scikit-learn."""

from __future__ import annotations

import torch

from kdrun.dataset.domains import Domain, combine, standardise
from kdrun.dataset.fold import Fold, divide
from kdrun.types import Arrays, Dataset


def diabetes(
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    test_fraction: float = 0.2,
    fold: Fold | None = None,
) -> Dataset:
    """10 standardised findings of 442 patients, and how far the disease was a year later.

    Efron, Hastie, Johnstone, Tibshirani, Annals of Statistics 2004.

    Args:
        val_fraction: how much of the training data is for model selection.
        split_seed: what every split is a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        test_fraction: how much of all is for testing.
        fold: what is tested on in cross-validation; None for the split of `test_fraction`.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    from sklearn.datasets import load_diabetes

    rows, values = load_diabetes(return_X_y=True, scaled=False)
    whole = Arrays(torch.from_numpy(rows).float(), torch.from_numpy(values).float())
    train, test = divide(whole, test_fraction, split_seed, fold)
    return combine(
        Domain("", train, test, []),
        None,
        labels="all",
        val_fraction=val_fraction,
        split_seed=split_seed,
        train_size=train_size,
        fit=standardise,
    )
