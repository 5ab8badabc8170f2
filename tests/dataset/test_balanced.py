"""Epochs in which every class comes equally often."""

from __future__ import annotations

import pytest
import torch

from kdrun.dataset.balanced import balanced
from kdrun.dataset.loader import make_loader
from kdrun.task.classification import Classification
from kdrun.types import Arrays

TASK = Classification(("a", "b", "c", "d"))
TARGETS = torch.tensor([0] * 50 + [2] * 7 + [3] * 3)


@pytest.mark.parametrize("epoch", range(3))
def test_every_class_that_occurs_comes_equally_often(epoch):
    positions = balanced(0, epoch, TARGETS)
    assert TARGETS[positions].bincount().tolist() == [20, 0, 20, 20]


def test_rare_samples_come_again_and_common_ones_once():
    often = balanced(0, 0, TARGETS).bincount(minlength=60)
    assert often[:50].max() == 1
    assert sorted(often[50:57].tolist()) == [2, 3, 3, 3, 3, 3, 3]
    assert sorted(often[57:].tolist()) == [6, 7, 7]


def test_what_is_left_over_goes_to_another_class_each_epoch():
    targets = torch.tensor([0] * 6 + [1, 2])
    counts = {tuple(targets[balanced(0, e, targets)].bincount().tolist()) for e in range(3)}
    assert counts == {(3, 3, 2), (2, 3, 3), (3, 2, 3)}


def test_an_epoch_is_a_function_of_seed_and_epoch():
    assert torch.equal(balanced(1, 2, TARGETS), balanced(1, 2, TARGETS))
    assert not torch.equal(balanced(1, 2, TARGETS), balanced(1, 3, TARGETS))
    assert not torch.equal(balanced(1, 2, TARGETS), balanced(2, 2, TARGETS))


def test_classes_are_mixed_within_an_epoch():
    first = TARGETS[balanced(0, 0, TARGETS)][:20]
    assert set(first.tolist()) == {0, 2, 3}


def test_the_loader_draws_so_in_training_alone():
    split = Arrays(torch.zeros(60, 4), TARGETS)
    for train, expected in ((True, [20, 0, 20, 20]), (False, [50, 0, 7, 3])):
        loader = make_loader(split, 16, seed=0, train=train, task=TASK, even=True)
        targets = torch.cat([batch.target for batch in loader.epoch(0)])
        assert targets.bincount().tolist() == expected


def test_hidden_labels_have_no_class_to_go_by():
    split = Arrays(torch.zeros(3, 4), torch.tensor([0, 1, -1]))
    with pytest.raises(ValueError, match=r"train\.sampler=shuffle"):
        make_loader(split, 2, seed=0, train=True, task=TASK, even=True)
