"""A network as a teacher."""

from __future__ import annotations

import torch
from torch import nn

from kdrun.types import Batch, Outputs


class Frozen(nn.Module):
    """A network that only answers: no gradient, no dropout, and batch norm that cannot drift.

    Args:
        network: from `Batch` to `Outputs`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs, outside any graph."""
        outputs: Outputs = self.network(batch)
        return outputs
