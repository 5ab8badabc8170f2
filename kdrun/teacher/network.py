"""A network as a teacher."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from kdrun.score.latency import Latency, latency
from kdrun.types import Batch, Loader, Outputs, Shape


class Frozen(nn.Module):
    """A teacher that only answers: no gradient, no dropout, and batch norm that cannot drift.

    Args:
        network: from `Batch` to `Outputs`. It may have `keep`, as a `Network` has; `size`, where
            what it learnt are not torch's parameters; `on` and `live`, where its answers depend on
            `Batch.index`; and `facts` to tell.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    def keep(self, fields: Iterable[str]) -> None:
        """Choose what is filled beside the logits, where there is a choice."""
        if hasattr(self.network, "keep"):
            self.network.keep(fields)  # type: ignore[operator]

    def on(self, split: str) -> Frozen | None:
        """The teacher for another split than the training data, `val` or `test`.

        Returns:
            None where it has no answers for those samples.
        """
        if not hasattr(self.network, "on"):
            return self
        other = self.network.on(split)  # type: ignore[operator]
        return None if other is None else Frozen(other)

    @property
    def live(self) -> bool:
        """Whether it answers whatever it is asked, not only what it has answered before."""
        return bool(getattr(self.network, "live", True))

    @property
    def size(self) -> int | None:
        """How many numbers it learnt; None where that is not known."""
        if hasattr(self.network, "size"):
            return typing.cast("int | None", self.network.size)
        return sum(parameter.numel() for parameter in self.parameters()) or None

    def facts(self) -> dict[str, float]:
        """What is to be told of it in the record, by column."""
        told: dict[str, float] = self.network.facts() if hasattr(self.network, "facts") else {}  # type: ignore[operator]
        return told

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
