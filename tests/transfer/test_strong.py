"""Strong augmentation is drawn from the generator that the loop seeds."""

from __future__ import annotations

import torch

from kdrun.transfer.strong import strong


def test_it_is_a_function_of_the_generator() -> None:
    images = torch.rand(6, 1, 12, 12)
    torch.manual_seed(3)
    once, later = strong(images), strong(images)
    torch.manual_seed(3)
    assert torch.equal(strong(images), once)
    assert not torch.equal(later, once)


def test_each_image_is_changed_in_its_own_way_and_stays_an_image() -> None:
    torch.manual_seed(0)
    images = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    changed = strong(images)
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    for i in range(8):
        assert not torch.equal(changed[i], images[i])
        assert i == 0 or not torch.equal(changed[i], changed[0])
        assert (changed[i] == 0).all(0).any()  # the hole


def test_half_precision_and_channels_last_are_kept_apart() -> None:
    images = torch.rand(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    torch.manual_seed(0)
    first = strong(images)
    torch.manual_seed(0)
    assert torch.equal(strong(images.contiguous()), first)
