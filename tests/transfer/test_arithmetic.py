"""Sums of weights against sums of numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.arithmetic import combine, snapshot
from tests.transfer.test_freeze_backbone import network


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def random_state(seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    found = snapshot(network())
    for value in found.values():
        if value.is_floating_point():
            value.normal_().abs_()
        else:
            value.fill_(seed)
    return found


def test_a_combination_is_the_sum_number_by_number() -> None:
    states, shares = [random_state(seed) for seed in range(3)], [0.5, 0.8, -0.3]
    found = combine(states, shares)
    for name, value in found.items():
        ours = [state[name] for state in states]
        if not value.is_floating_point():
            assert torch.equal(value, ours[-1]), name  # a count is that of the last
            continue
        slow = sum(share * state.double() for share, state in zip(shares, ours, strict=True))
        if name.endswith("running_var"):
            slow = slow.clamp(min=0)
            assert bool((value >= 0).all())
        assert torch.allclose(value.double(), slow, atol=1e-6), name


def test_a_share_of_one_is_that_state_bit_for_bit() -> None:
    first, second = random_state(1), random_state(2)
    second_counts = {k: v for k, v in second.items() if not v.is_floating_point()}
    assert same(combine([first, second], [1, 0]), {**first, **second_counts})
    assert same(combine([first, second], [0, 1]), second)
