"""Windows of padded pictures."""

from __future__ import annotations

import torch

from kdrun.dataset.windows import blackened, cut, padded


def test_a_window_is_a_slice_of_what_was_padded() -> None:
    images = torch.arange(2 * 4 * 5 * 3, dtype=torch.uint8).view(2, 4, 5, 3)
    whole = padded(images, 2, "reflect")
    assert torch.equal(whole[:, 2:6, 2:7], images)
    assert torch.equal(whole[:, 1], whole[:, 3])
    found = cut(whole, torch.tensor([1, 0]), torch.tensor([0, 3]), torch.tensor([2, 4]), 4, 5)
    assert torch.equal(found[0], whole[1, 0:4, 2:7])
    assert torch.equal(found[1], whole[0, 3:7, 4:9])


def test_squares_are_black_and_all_else_stays() -> None:
    images = torch.ones(5, 2, 9, 9)
    found = blackened(images.clone(), 4, torch.arange(5), 0, 0)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert bool((found[:, 0] == found[:, 1]).all())
    assert bool(((found[:, 0] == 0).sum((1, 2)) <= 16).all())
