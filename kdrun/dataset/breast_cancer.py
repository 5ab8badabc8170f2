"""Breast cancer in Wisconsin: the medical table that comes with scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import torch

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import Domain, combine, standardise
from kdrun.types import Arrays, Dataset


@with_cuts(test_fraction=0.3)
def breast_cancer(*, cuts: Cuts) -> Dataset:
    """30 standardised measures of cell nuclei in 569 tumours, malignant or benign.

    Street, Wolberg, Mangasarian, 1993. https://doi.org/10.24432/C5DW2B

    Args:
        cuts: how the data are cut; its fields are arguments.

    Raises:
        ValueError: a fraction or size does not fit.
    """
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    whole = Arrays(torch.from_numpy(found.data).float(), torch.from_numpy(found.target).long())
    classes = [str(name) for name in found.target_names]
    data = combine(
        Domain("", *cuts.divide(whole), classes),
        None,
        labels="all",
        cuts=cuts,
        fit=standardise,
    )
    return replace(data, columns=tuple(str(name) for name in found.feature_names))
