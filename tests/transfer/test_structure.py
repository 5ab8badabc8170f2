"""Nothing is transferred but the architecture: the control that others are held against."""

from __future__ import annotations

import copy

import torch

from kdrun.transfer.structure import Structure
from tests.transfer.trial import as_source, load, student


def test_the_student_is_as_it_was_built_and_nobody_trains_a_source() -> None:
    network, rows = student(4, 3), torch.rand(6, 4)
    before = copy.deepcopy(network.state_dict())
    source = as_source(rows, [0, 1, 2, 0, 1, 2], 3)  # whose model may not be asked for
    found = Structure()(network, source, load(rows))
    assert found is network
    after = found.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert Structure()(network, None, load(rows)) is network


def test_it_is_then_trained_on_the_target_alone_and_for_as_long_as_any() -> None:
    strategy = Structure()
    assert strategy.epochs is None
    assert strategy.supervised
    assert not strategy.paired
    assert strategy.adaptation is None
    (group,) = strategy.groups(student(4, 3), lr=0.1)
    assert len(group["params"]) == 2
    assert "lr" not in group
