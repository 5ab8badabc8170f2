from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.score.gain import gains
from kdrun.types import Arrays, Dataset, Outputs


class Says(nn.Module):
    """Always the same class of three, whatever it is asked."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, batch):  # type: ignore[no-untyped-def]
        logits = torch.zeros(len(batch.target), 3)
        logits[:, self.answer] = 1
        return Outputs(logits)


def dataset(names: list[str], targets: list[int], source: Dataset | None = None) -> Dataset:
    split = Arrays(torch.zeros(len(targets), 2), torch.tensor(targets))
    return Dataset(split, None, split, names, (2,), source=source)


def load(split):  # type: ignore[no-untyped-def]
    return make_loader(split, 4, seed=0, train=False)


def test_gains_are_differences_on_the_targets_test_split():
    source = dataset(["c", "a", "x"], [0, 0, 1, 2])  # in the target's numbering: c c a, one unknown
    data = dataset(["a", "b", "c"], [0, 1, 1, 1, 2], source)
    got = gains(Says(1), Says(0), data, load, accuracy=0.6)
    assert got["majority_accuracy"] == pytest.approx(3 / 5)
    assert got["source_only_accuracy"] == pytest.approx(1 / 5)
    assert got["transfer_gain"] == pytest.approx(2 / 5)
    assert got["source_accuracy_after"] == 0
    assert gains(Says(2), None, data, load, 0.2)["source_accuracy_after"] == pytest.approx(2 / 3)


def test_what_is_not_defined_is_empty():
    data = dataset(["a", "b", "c"], [0, 1], dataset(["x", "y"], [0, 1]))
    got = gains(Says(0), None, data, load, accuracy=0.5)
    assert got["majority_accuracy"] == 0.5
    assert [
        got[key] for key in ("source_only_accuracy", "transfer_gain", "source_accuracy_after")
    ] == [
        None,
        None,
        None,
    ]
