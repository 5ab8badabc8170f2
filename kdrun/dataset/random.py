"""Random numbers that are a pure function of (seed, epoch, index, stream).

SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) jumped to its `index`-th output: the state is a key
made of seed, epoch and stream, plus `index` times the golden gamma. All of it is 64-bit integer
arithmetic, so the bits are the same on every device, for any batch and in any version of torch.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import torch
from torch import Tensor

_GAMMA = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MASK = 2**64 - 1


def _signed(word: int) -> int:
    """The int64 with the bits of an unsigned 64-bit word."""
    return word - 2**64 if word >= 2**63 else word


def _mix(word: int) -> int:
    """SplitMix64's finaliser, on a Python integer."""
    word = ((word ^ (word >> 30)) * _MULTIPLIERS[0]) & _MASK
    word = ((word ^ (word >> 27)) * _MULTIPLIERS[1]) & _MASK
    return word ^ (word >> 31)


@lru_cache(maxsize=256)
def _key(seed: int, epoch: int, stream: str) -> int:
    key = 0
    for part in (seed, epoch, crc32(stream.encode())):
        key = _mix((key + part + _GAMMA) & _MASK)
    return key


class Keys:
    """An epoch for a step that is recorded once and repeated: its keys lie on a device.

    Args:
        epoch: the first one.
        device: where numbers are drawn.
    """

    def __init__(self, epoch: int, device: torch.device) -> None:
        self.epoch, self.device = epoch, device
        self._tensors: dict[tuple[int, str], Tensor] = {}

    def of(self, seed: int, stream: str) -> Tensor:
        """The key of a stream, a 0-dim int64 that stays where it is."""
        if (seed, stream) not in self._tensors:
            key = _signed(_key(seed, self.epoch, stream))
            self._tensors[seed, stream] = torch.tensor(key, device=self.device)
        return self._tensors[seed, stream]

    def turn(self, epoch: int) -> None:
        """Write the keys of another epoch."""
        if epoch == self.epoch:
            return
        self.epoch = epoch
        for (seed, stream), tensor in self._tensors.items():
            tensor.fill_(_signed(_key(seed, epoch, stream)))


def _shift(words: Tensor, places: int) -> Tensor:
    """Shift right without copying the sign, which int64 would do."""
    shifted: Tensor = (words >> places) & (2 ** (64 - places) - 1)
    return shifted


def bits(seed: int, epoch: int | Keys, index: Tensor, stream: str) -> Tensor:
    """64 random bits for each index.

    Args:
        seed: any integer.
        epoch: any integer, or the keys of one.
        index: (N,) int64.
        stream: what the numbers are for; two streams are independent.

    Returns:
        (N,) int64, every bit pattern equally likely.
    """
    key: int | Tensor
    key = epoch.of(seed, stream) if isinstance(epoch, Keys) else _signed(_key(seed, epoch, stream))
    words = index * _signed(_GAMMA) + key
    words = (words ^ _shift(words, 30)) * _signed(_MULTIPLIERS[0])
    words = (words ^ _shift(words, 27)) * _signed(_MULTIPLIERS[1])
    return words ^ _shift(words, 31)


def uniform(seed: int, epoch: int | Keys, index: Tensor, stream: str) -> Tensor:
    """(N,) float32 in [0, 1), multiples of 2⁻²⁴. Arguments as for `bits`."""
    return _shift(bits(seed, epoch, index, stream), 40).to(torch.float32) * 2.0**-24


def integers(seed: int, epoch: int | Keys, index: Tensor, stream: str, high: int) -> Tensor:
    """(N,) int64 in [0, high). Arguments as for `bits`."""
    return _shift(bits(seed, epoch, index, stream), 1) % high


def permutation(seed: int, epoch: int, size: int, device: torch.device | str = "cpu") -> Tensor:
    """(size,) int64: the positions 0 to size - 1 in the order of this epoch."""
    positions = torch.arange(size, device=device)
    return bits(seed, epoch, positions, "order").argsort(stable=True)
