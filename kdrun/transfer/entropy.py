"""Entropy minimisation."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term
from kdrun.types import Batch, Outputs


class Entropy(Term):
    """Be certain on the target, so that the boundary between classes lies where no samples do.

        R = mean H(softmax(z_t))

    A student that calls all samples the same is as certain: nothing here but the source's labels
    speaks against it.

    Grandvalet, Bengio, 2004.
    https://papers.nips.cc/paper/2004/hash/96f2b50b5d3613adf9c27049b2a888c7-Abstract.html
    """

    minimises = ("im",)

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The mean entropy."""
        log_p = torch.log_softmax(target.logits, dim=1)
        return -(log_p.exp() * log_p).sum(1).mean()
