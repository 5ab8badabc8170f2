"""A year of diabetes: the regression data that come with scikit-learn."""

from __future__ import annotations

import torch

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import Domain, combine, standardise
from kdrun.types import Arrays, Dataset


@with_cuts(test_fraction=0.2)
def diabetes(*, cuts: Cuts) -> Dataset:
    """10 standardised findings of 442 patients, and how far the disease was a year later.

    Efron, Hastie, Johnstone, Tibshirani, Annals of Statistics 2004.

    Args:
        cuts: how the data are cut; its fields are arguments.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    from sklearn.datasets import load_diabetes

    rows, values = load_diabetes(return_X_y=True, scaled=False)
    whole = Arrays(torch.from_numpy(rows).float(), torch.from_numpy(values).float())
    return combine(
        Domain("", *cuts.divide(whole), []),
        None,
        labels="all",
        cuts=cuts,
        fit=standardise,
    )
