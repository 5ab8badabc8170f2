"""A teacher of several: asked once about a batch, and each hears what it alone would hear."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.teacher.base import Teacher
from kdrun.teacher.in_common import Desk, InCommon
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs


class Known(Teacher):
    """Gives an embedding where it is wanted, and no features."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)
        self.kept: frozenset[str] = frozenset()
        self.calls = 0

    def keep(self, fields):
        if "features" in fields:
            raise ValueError("it has no features")
        self.kept = frozenset(fields)

    def forward(self, batch: Batch) -> Outputs:
        self.calls += 1
        hidden = batch.input if "embedding" in self.kept else None
        return Outputs(self.layer(batch.input), embedding=hidden)


def batch(number: int = 0) -> Batch:
    return Batch(torch.ones(2, 2) * number, torch.zeros(2).long(), torch.arange(2) + number)


def pair() -> tuple[Known, InCommon, InCommon]:
    own = Known()
    desk = Desk(Frozen(own))
    return own, InCommon(desk), InCommon(desk)


def test_it_is_asked_once_about_a_batch():
    own, one, other = pair()
    for view in (one, other):
        view.begin_epoch(0)
    for number in range(3):
        given = batch(number)
        assert one(given).logits is other(given).logits
    assert own.calls == 3
    assert (one.since(), other.since()) == (1.0, 0.0)
    one(batch())
    other(batch())  # alike, but another
    assert own.calls == 5


def test_each_hears_what_it_wants():
    own, one, other = pair()
    one.keep({"embedding"})
    given = batch()
    assert one(given).embedding is not None
    assert other(given).embedding is None
    assert own.calls == 1
    other.keep({"embedding"})
    one.keep(())
    assert one(given).embedding is None
    assert other(given).embedding is not None


def test_what_it_cannot_give_is_no_loss_to_others():
    own, one, other = pair()
    one.keep({"embedding"})
    with pytest.raises(ValueError, match="no features"):
        other.keep({"features"})
    assert own.kept == {"embedding"}


def test_of_a_split_it_remembers_what_it_said():
    own, one, other = pair()
    test, again = one.on("test"), other.on("test")
    assert test is again
    assert test is not None
    first = test(batch())
    assert torch.equal(test(batch()).logits, first.logits)
    assert own.calls == 1
    test(batch(1))
    assert own.calls == 2
