"""What runs side by side share is made once, and what is given is what each would make."""

from __future__ import annotations

import pytest
import torch

from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.dataset.spot import has_views, is_placed
from kdrun.run.side_by_side import Common, InStep
from kdrun.types import Arrays, Loader


@pytest.fixture
def loader() -> Loader:
    images = torch.arange(7 * 12, dtype=torch.uint8).view(7, 1, 3, 4)
    data = Arrays(images, torch.arange(7))
    return make_loader(data, 2, seed=0, train=True, augment=Augment(crop_padding=1))


def same(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))


def test_batches_of_those_in_step_are_the_same_objects(loader):
    shared = InStep(loader, 1)
    for epoch in (0, 1, 0):
        passes = zip(shared.epoch(epoch), shared.epoch(epoch), loader.epoch(epoch), strict=True)
        for mine, yours, alone in passes:
            assert mine is yours
            assert same(mine, alone)


def test_who_comes_late_gets_the_same_numbers(loader):
    shared = InStep(loader, 2)
    first = shared.epoch(0)
    begun = [next(first), next(first)]
    second = shared.epoch(0)  # within the window
    assert next(second) is begun[0]
    assert len(list(first)) == len(shared) - 2
    late = [*second]
    assert len(late) == len(shared) - 1
    assert all(same(a, b) for a, b in zip(late, [*loader.epoch(0)][1:], strict=True))


def test_it_has_what_the_loader_has(loader):
    shared = InStep(loader, 1)
    assert has_views(shared)
    assert is_placed(shared)
    assert len(shared) == len(loader)
    assert shared.view(3) == 3
    assert not hasattr(shared, "source")


def test_made_once():
    common, made = Common(), []
    for _ in range(2):
        assert common.once("data", lambda: made.append(1)) is None
    assert made == [1]
