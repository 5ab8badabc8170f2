from __future__ import annotations

import pytest
import torch

from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.types import Arrays


def loader(size: int, offset: int):  # type: ignore[no-untyped-def]
    rows = torch.arange(size)[:, None].float() + offset
    return make_loader(Arrays(rows, torch.arange(size)), 4, seed=0, train=True)


@pytest.mark.parametrize(("target", "source"), [(20, 60), (60, 20), (16, 16), (9, 40)])
def test_an_epoch_is_one_of_the_target_each_batch_with_one_of_the_source(target, source):
    paired = Paired(loader(target, 0), loader(source, 1000))
    for epoch in (0, 3):
        batches = list(paired.epoch(epoch))
        assert len(batches) == len(paired)
        assert sorted(torch.cat([batch.index for batch in batches]).tolist()) == list(range(target))
        assert all(batch.source is not None for batch in batches)
        assert all((batch.source.input >= 1000).all() for batch in batches)
        again = list(paired.epoch(epoch))
        for one, other in zip(batches, again, strict=True):
            assert torch.equal(one.source.input, other.source.input)


def test_a_smaller_source_is_seen_whole_before_it_begins_anew_in_another_order():
    paired = Paired(loader(40, 0), loader(20, 0))
    seen = [batch.source.index for batch in paired.epoch(1)]
    first, second = torch.cat(seen[:5]), torch.cat(seen[5:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(20))
    assert not torch.equal(first, second)


def test_a_larger_source_shows_other_parts_of_itself_in_other_epochs():
    paired = Paired(loader(8, 0), loader(400, 0))
    shown = [
        frozenset(torch.cat([b.source.index for b in paired.epoch(e)]).tolist()) for e in (0, 1)
    ]
    assert shown[0] != shown[1]


def test_a_batch_moves_with_its_source():
    batch = next(iter(Paired(loader(8, 0), loader(8, 0)).epoch(0))).to("meta")
    assert batch.source.input.device.type == "meta"
