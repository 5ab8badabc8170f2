from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from kdrun.dataset.random import bits, integers, permutation, uniform

SEEDS = st.integers(-(2**40), 2**70)


def splitmix64(state: int) -> int:
    """The reference in C of Vigna, 2015, on Python integers: the output after adding the gamma."""
    mask = 2**64 - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_the_numbers_are_those_of_the_published_generator() -> None:
    # 0xe220a8397b1dcdaf is the first output of SplitMix64 from the state 0.
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    key = 0
    for part in (3, 5, 0xF5299398):  # the last is the CRC-32 of b"order"
        key = splitmix64((key + part) % 2**64)
    expected = [splitmix64(key + (i - 1) * 0x9E3779B97F4A7C15) for i in range(4)]
    found = bits(3, 5, torch.arange(4), "order").tolist()
    assert [word % 2**64 for word in found] == expected


@given(SEEDS, st.integers(0, 10**6), st.lists(st.integers(0, 2**40), min_size=1, max_size=20))
def test_each_number_depends_on_its_own_index_only(seed: int, epoch: int, index: list[int]) -> None:
    together = uniform(seed, epoch, torch.tensor(index), "x")
    alone = torch.cat([uniform(seed, epoch, torch.tensor([i]), "x") for i in index])
    assert torch.equal(together, alone)
    assert together.dtype == torch.float32
    assert bool(((together >= 0) & (together < 1)).all())


def test_uniform_passes_a_chi_square_for_values_and_for_pairs() -> None:
    u = uniform(0, 0, torch.arange(64_000), "x")
    # 99.9 % quantiles of χ² with 63 degrees of freedom: 103.4.
    assert chi_square((u * 64).long(), 64) < 103.4
    v = uniform(0, 0, torch.arange(64_000), "y")
    w = uniform(0, 1, torch.arange(64_000), "x")
    z = uniform(1, 0, torch.arange(64_000), "x")
    for other in (v, w, z, u.roll(1)):
        assert chi_square((u * 8).long() * 8 + (other * 8).long(), 64) < 103.4


def chi_square(cells: torch.Tensor, count: int) -> float:
    expected = len(cells) / count
    found = torch.bincount(cells, minlength=count)
    return float(((found - expected) ** 2 / expected).sum())


@given(SEEDS, st.integers(1, 1000))
def test_integers_are_in_range(seed: int, high: int) -> None:
    found = integers(seed, 0, torch.arange(50), "x", high)
    assert 0 <= int(found.min()) <= int(found.max()) < high


def test_small_integers_all_occur() -> None:
    assert torch.bincount(integers(0, 0, torch.arange(900), "x", 9)).min() > 70


@given(SEEDS, st.integers(0, 100), st.integers(1, 200))
def test_a_permutation_holds_each_position_once(seed: int, epoch: int, size: int) -> None:
    order = permutation(seed, epoch, size)
    assert order.sort()[0].tolist() == list(range(size))
    assert torch.equal(order, permutation(seed, epoch, size))


def test_every_epoch_and_seed_has_its_own_order() -> None:
    orders = [permutation(seed, epoch, 100) for seed in range(3) for epoch in range(3)]
    assert len({tuple(order.tolist()) for order in orders}) == 9
