"""Learning rates as tensors, which a fused optimizer reads on the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from kdrun.train.guard import skips

FUSED = (Adam, AdamW, SGD)
"""Optimizers of which torch has one kernel for all parameters on CUDA."""


def kernels(kind: object, settings: Mapping[str, Any], device: torch.device) -> dict[str, bool]:
    """Arguments by which an optimizer is fused: fewer launches, and it can be recorded.

    Args:
        kind: its class.
        settings: what the config says of it; how it is computed is left alone if said there.
        device: of the parameters.
    """
    told = {"foreach", "fused", "differentiable"} & {*settings} or settings.get("dampening")
    fused = device.type == "cuda" and kind in FUSED and not told
    return {"fused": True, "capturable": True} if fused else {}


class Rates:
    """The learning rate of each group as a float32 tensor that stays where it is.

    Schedules and checkpoints go on with Python's numbers; only the step itself reads the tensors.
    On a CPU, and for optimizers that are not fused, there are none.

    Args:
        optimizer: whose rates they are.
        device: of the parameters.
        always: have them on a CPU too.
    """

    def __init__(self, optimizer: Optimizer, device: torch.device, always: bool = False) -> None:
        self.optimizer = optimizer
        wanted = skips(optimizer) and (always or device.type != "cpu")
        groups = optimizer.param_groups if wanted else []
        self.tensors: list[Tensor] = [torch.zeros((), device=device) for _ in groups]
        self._written: list[float | None] = [None] * len(self.tensors)

    def write(self) -> None:
        """Bring the tensors up to date; called before each step."""
        for place, tensor in enumerate(self.tensors):
            rate = self.optimizer.param_groups[place]["lr"]
            if rate != self._written[place]:
                tensor.fill_(rate)
                self._written[place] = rate

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let the optimizer read the tensors inside."""
        groups = self.optimizer.param_groups
        own = [group["lr"] for group in groups]
        for group, tensor in zip(groups, self.tensors, strict=False):
            group["lr"] = tensor
        try:
            yield
        finally:
            for group, rate in zip(groups, own, strict=True):
                group["lr"] = rate
