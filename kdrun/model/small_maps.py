"""Convolutions over maps of a few pixels, which a CPU does better as matrix products.

For one pixel and 2048 channels oneDNN takes eight times as long as the same numbers as a product,
forward and backward; from 8×8 pixels on it is the faster one. docs/performance.md has the ratios.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PIXELS = 16
"""Maps of up to so many are multiplied."""


class Convolution(nn.Conv2d):
    """A convolution that is a matrix product where its map is small and a product is the same.

    That is where the kernel is a single pixel, and where there is one output pixel, which sees the
    whole map. Anywhere else, on other devices than a CPU, and in what is exported, it is torch's.
    Parameters, their names and what hooks see are those of `nn.Conv2d`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Conv2d`: (N, C, H, W) to (N, D, H', W'), equal to rounding."""
        if input.ndim != 4 or input.shape[2] * input.shape[3] > PIXELS or not _here(input):
            return super().forward(input)
        if self.kernel_size == (1, 1) and self.padding == (0, 0):
            down, across = self.stride
            places = input[:, :, ::down, ::across].permute(0, 2, 3, 1)
            return F.linear(places, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
        if not isinstance(self.padding, str) and self._sees_all(input.shape[2:], self.padding):
            (top, left), (height, width) = self.padding, input.shape[2:]
            seen = self.weight[:, :, top : top + height, left : left + width]
            whole = input.permute(0, 2, 3, 1).flatten(1)
            product = F.linear(whole, seen.permute(0, 2, 3, 1).flatten(1), self.bias)
            return product[:, :, None, None]
        return super().forward(input)

    def _sees_all(self, size: torch.Size, around: tuple[int, ...]) -> bool:
        """Whether there is one output pixel, and the kernel covers the whole map."""
        sides = zip(size, self.kernel_size, around, self.stride, strict=True)
        return self.dilation == (1, 1) and all(
            (n + 2 * padding - kernel) // stride == 0 and padding + n <= kernel
            for n, kernel, padding, stride in sides
        )


def _here(input: Tensor) -> bool:
    return input.device.type == "cpu" and not torch.compiler.is_exporting()


def multiply(net: nn.Module) -> None:
    """Let the plain convolutions of a network, in place, be products where that is quicker."""
    for module in net.modules():
        plain = type(module) is nn.Conv2d and module.groups == 1
        if plain and module.padding_mode == "zeros":
            module.__class__ = Convolution
