"""Rows that come with their splits: what is the test and the validation split then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from kdrun.dataset.cuts import Cuts
from kdrun.dataset.split import sample_ids, select
from kdrun.types import Split

if TYPE_CHECKING:
    import pandas as pd


class Divided(NamedTuple):
    """Samples of a table or of texts.

    Attributes:
        train: what is learnt from, validation not yet cut off.
        test: held out.
        val: a validation split that comes with the data; None where it is to be cut.
    """

    train: Split
    test: Split
    val: Split | None = None


def divided(own: Split, parts: pd.Series[Any] | None, cuts: Cuts) -> Divided:
    """Cut rows, or take the splits that they come with.

    Args:
        own: whose ids are the numbers of its rows.
        parts: `train`, `val` or `test` by the number of the row; None where all is to be cut.
        cuts: how; a test split that comes with the data is folded as such.
    """
    if parts is None:
        return Divided(*cuts.divide(own))
    homes = parts[[int(row) for row in sample_ids(own)]].to_numpy()
    found = {
        name: select(own, torch.from_numpy(np.flatnonzero(homes == name)))
        for name in ("train", "val", "test")
    }
    train, test = cuts.divide(found["train"], found["test"] if len(found["test"]) else None)
    return Divided(train, test, found["val"] if len(found["val"]) else None)
