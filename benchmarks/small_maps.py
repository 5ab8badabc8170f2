"""What a convolution over a small map costs on a CPU, and the same as a matrix product.

One step, forward and backward, of 64 maps on one thread, in turns; printed is the fastest of three
turns of each, by processor time, and their ratio.

    python benchmarks/small_maps.py
"""

from __future__ import annotations

import time

import torch
from torch import nn

from kdrun.model.small_maps import multiply

SHAPES = (
    *((2048, 512, 1, 1, 1), (512, 2048, 1, 1, 1), (1024, 2048, 1, 2, 2), (512, 512, 3, 1, 1)),
    *((512, 512, 3, 2, 2), (1024, 256, 1, 2, 1), (256, 1024, 1, 2, 1), (512, 128, 1, 4, 1)),
    *((64, 64, 1, 2, 1), (64, 64, 1, 4, 1), (64, 256, 1, 8, 1)),
)
"""Channels in and out, side of the kernel, side of the map, stride."""


def step(module: nn.Module, x: torch.Tensor) -> float:
    begin = time.process_time()
    module(x).square().sum().backward()
    return time.process_time() - begin


def fastest(module: nn.Module, x: torch.Tensor, count: int) -> float:
    step(module, x)
    return min(sum(step(module, x) for _ in range(count)) / count for _ in range(3))


def main() -> None:
    torch.set_num_threads(1)
    print("channels      kernel map stride  convolution   product  ratio")
    for c, d, kernel, side, stride in SHAPES:
        torch.manual_seed(0)
        conv = nn.Conv2d(c, d, kernel, stride, kernel // 2, bias=False)
        product = nn.Conv2d(c, d, kernel, stride, kernel // 2, bias=False)
        multiply(product)
        x = torch.randn(64, c, side, side).to(memory_format=torch.channels_last)
        x.requires_grad_()
        conv, product = (m.to(memory_format=torch.channels_last) for m in (conv, product))
        count = max(2, int(0.1 / max(step(conv, x), 1e-4)))
        old, new = (1000 * fastest(module, x, count) for module in (conv, product))
        print(
            f"{c:5d} → {d:<5d} {kernel}x{kernel}   {side}x{side}  {stride}      "
            f"{old:8.2f} ms  {new:6.2f} ms  {old / new:5.2f}"
        )


if __name__ == "__main__":
    main()
