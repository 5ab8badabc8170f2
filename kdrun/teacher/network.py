"""A network as a teacher."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from kdrun.score.latency import Latency, latency
from kdrun.teacher.base import Teacher
from kdrun.types import Batch, Loader, Outputs, Shape


class Frozen(Teacher):
    """A teacher that only answers: no gradient, no dropout, and batch norm that cannot drift.

    Args:
        network: from `Batch` to `Outputs`: a network, a `Teacher`, or any other module.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    @property
    def _own(self) -> Teacher | None:
        """The network, if it says anything of itself."""
        return self.network if isinstance(self.network, Teacher) else None

    @property
    def live(self) -> bool:
        """As the network's."""
        return self._own is None or self._own.live

    @property
    def size(self) -> int | None:
        """As the network's."""
        return super().size if self._own is None else self._own.size

    def keep(self, fields: Iterable[str]) -> None:
        """As the network's."""
        if self._own is not None:
            self._own.keep(fields)

    def on(self, split: str) -> Frozen | None:
        """As the network's, frozen."""
        other = None if self._own is None else self._own.on(split)
        if other is None:
            return self if self._own is None else None
        return self if other is self._own else Frozen(other)

    def facts(self) -> dict[str, float]:
        """As the network's."""
        return {} if self._own is None else self._own.facts()

    def begin_epoch(self, epoch: int) -> None:
        """Called before the first batch of an epoch of training."""

    @torch.no_grad()
    def example(self, loader: Loader) -> Outputs:
        """What it says of the first batch."""
        outputs: Outputs = self(next(iter(loader.epoch(0))))
        return outputs

    def timed(self, shape: Shape, device: torch.device, cache: Path | None) -> Latency:
        """How long it takes for one sample; afterwards it says logits alone.

        Args:
            shape: of a sample.
            device: where it answers.
            cache: the folder that keeps measurements.
        """
        self.keep(())
        return latency(self, shape, 1, device, cache)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs, outside any graph."""
        outputs: Outputs = self.network(batch)
        return outputs
