"""Maximum mean discrepancy."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term, embeddings
from kdrun.transfer.kernel import discrepancy, multi_gaussian, squared_distances
from kdrun.types import Batch, Outputs


class MMD(Term):
    """Bring the embeddings of both domains to one mean in the space of several kernels.

        R = mean k(s, s′) + mean k(t, t′) − 2 mean k(s, t),  s ≠ s′, t ≠ t′

    k is the mean of five Gaussians whose bandwidths are ¼ to 4 times the median squared distance
    in the batch. The estimate is the unbiased one, so it may be negative. DAN, of which this is
    the term, learns the kernels' shares; equal ones are what its authors' code uses.

    Long, Cao, Wang, Jordan, 2015. https://arxiv.org/abs/1502.02791
    """

    needs = ("embedding",)

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The discrepancy of the embeddings."""
        sides = embeddings(source, target)
        return discrepancy(multi_gaussian(squared_distances(torch.cat(sides))), len(sides[0]))
