"""Batches of a run's splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from kdrun.run.side_by_side import Common
from kdrun.train.shares import all_labelled
from tests.run.composed import parts


def test_each_split_has_one_loader_however_often_it_is_asked_for(tmp_path: Path) -> None:
    load = parts(tmp_path).load
    assert load.train is load.train
    assert load.val is load.val
    assert len(load.train.targets) == len(load.data.train) == 48
    assert parts(tmp_path, "dataset.val_fraction=0").load.val is None


def test_pairs_are_of_both_domains_in_the_classes_of_the_target(tmp_path: Path) -> None:
    words = ("dataset=digits_shifted", "dataset.train_size=null", "method=transfer")
    load = parts(tmp_path, *words, "transfer=dann").load
    batch = next(iter(load.paired().epoch(0)))
    assert batch.source is not None
    assert len(batch.source.target) == len(batch.target)
    assert int(batch.source.target.min()) >= 0


def test_runs_side_by_side_are_given_the_same_pairs(tmp_path: Path) -> None:
    words = ("dataset=digits_shifted", "dataset.train_size=null", "method=transfer")
    load, common = parts(tmp_path, *words, "transfer=dann").load, Common()
    one, other = replace(load, common=common), replace(load, seed=9, own_seed=0, common=common)
    assert one.train is other.train
    both = zip(one.paired().epoch(0), other.paired().epoch(0), load.paired().epoch(0), strict=True)
    for number, (mine, yours, alone) in enumerate(both):
        assert mine is yours
        assert alone.source is not None
        assert mine.source is not None
        assert torch.equal(mine.source.index, alone.source.index)
        if number == 3:
            break
    assert all_labelled(one.paired()) == all_labelled(load.paired())
