"""Joint maximum mean discrepancy."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term, embeddings
from kdrun.transfer.kernel import discrepancy, multi_gaussian, squared_distances
from kdrun.types import Batch, Outputs


class JAN(Term):
    """As `mmd`, of embedding and prediction together: the kernel is the product of theirs.

        k = k_f · k_p,  k_f as in `mmd`,  k_p(p, q) = exp(−‖p − q‖² / σ)

    It brings P(f, ŷ) of both domains together, not each for itself. The authors' code has the
    fixed σ too: a median would vanish once all predictions are certain.

    Long, Zhu, Wang, Jordan, 2017. https://arxiv.org/abs/1605.06636

    Args:
        bandwidth: σ.
    """

    needs = ("embedding",)

    def __init__(self, bandwidth: float = 1.68) -> None:
        super().__init__()
        self.bandwidth = bandwidth

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The discrepancy of the joint distributions."""
        sides = embeddings(source, target)
        p = torch.softmax(torch.cat([source.logits, target.logits]), dim=1)
        kernel = multi_gaussian(squared_distances(torch.cat(sides)))
        kernel = kernel * torch.exp(-squared_distances(p) / self.bandwidth)
        return discrepancy(kernel, len(sides[0]))
