"""Texts that stand in a file several times, each time with somebody's label: votes on a text.

Cross-entropy against each vote in turn is, in the mean, that against their distribution. So each
vote is a training sample, votes on one text stay together in every split, and where a text is for
validation or for testing it counts once, with the label that most gave it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from kdrun.dataset.split import select
from kdrun.types import Arrays, Dataset, Split

if TYPE_CHECKING:
    import pandas as pd


class Votes(NamedTuple):
    """Which rows of a table are votes on the same text.

    Attributes:
        text: (N,) the number of the text that each row is about.
        speaks: (N,) whether a row is the one that speaks for its text: the first with the label
            that most gave it, and of several such labels the first.
    """

    text: Tensor
    speaks: Tensor

    def together(self, groups: Tensor | None) -> Tensor:
        """(N,) groups that keep votes on a text in one split: its own, or that of its first row."""
        if groups is None:
            return self.text
        first: dict[int, int] = {}
        for text, group in zip(self.text.tolist(), groups.tolist(), strict=True):
            first.setdefault(text, group)
        return torch.tensor([first[text] for text in self.text.tolist()])

    def once(self, rows: Tensor) -> Tensor:
        """Of some rows, the first on each text."""
        seen: dict[int, int] = {}
        for row in rows.tolist():
            seen.setdefault(int(self.text[row]), row)
        return torch.tensor(list(seen.values()))

    def settled(self, data: Dataset, ids: list[str]) -> Dataset:
        """The data with each text of validation and test once, as most have it.

        Args:
            data: cut, with votes for samples.
            ids: of the N rows.
        """
        spoken = {ids[row] for row in self.speaks.nonzero().flatten().tolist()}

        def settle(split: Split) -> Split:
            assert isinstance(split, Arrays)
            kept = [n for n, name in enumerate(split.ids or ()) if name in spoken]
            return select(split, torch.tensor(kept, dtype=torch.int64))

        val = settle(data.val) if data.val else None
        source = self.settled(data.source, ids) if data.source else None
        return replace(data, val=val, test=settle(data.test), source=source)


def votes(text: pd.Series[int], label: pd.Series[str]) -> Votes:
    """Who votes on what.

    Args:
        text: the number of the text of each row.
        label: of each row.
    """
    count = label.groupby([text, label]).transform("size")
    most = count == count.groupby(text).transform("max")
    speaks = most & ~text.where(most).duplicated()
    return Votes(torch.tensor(text.to_numpy()), torch.tensor(speaks.to_numpy()))
