"""Rows that come with their splits keep them."""

from __future__ import annotations

import pandas as pd
import torch

from kdrun.dataset.cuts import Cuts
from kdrun.dataset.fold import Fold
from kdrun.dataset.parted import divided
from kdrun.dataset.split import sample_ids
from kdrun.types import Arrays

OWN = Arrays(torch.arange(4), torch.tensor([0, 1, 0, 1]), ids=["2", "4", "5", "9"])
PARTS = pd.Series(["train"] * 5 + ["test"] + ["val"] * 4)


def test_the_splits_are_those_of_the_rows() -> None:
    train, test, val = divided(OWN, PARTS, Cuts())
    assert val is not None
    assert [sample_ids(part) for part in (train, test, val)] == [["2", "4"], ["5"], ["9"]]


def test_without_a_test_split_or_any_it_is_cut() -> None:
    whole = Arrays(torch.arange(8), torch.arange(8) % 2)
    train, test, val = divided(whole, pd.Series(["train"] * 8), Cuts(test_fraction=0.25))
    assert (len(train), len(test), val) == (6, 2, None)
    train, test, val = divided(whole, None, Cuts(test_fraction=0.5))
    assert (len(train), len(test), val) == (4, 4, None)


def test_a_fold_is_of_the_training_rows() -> None:
    whole = Arrays(torch.arange(10), torch.arange(10) % 2)
    parts = pd.Series(["train"] * 8 + ["test"] * 2)
    train, test, _ = divided(whole, parts, Cuts(fold=Fold(0, 2)))
    assert (len(train), len(test)) == (4, 4)
    assert not {*sample_ids(test)} & {"8", "9"}
