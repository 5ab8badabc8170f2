"""Correlation alignment of embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.transfer.adaptation import Term, embeddings
from kdrun.types import Batch, Outputs


class DeepCORAL(Term):
    """Give the embeddings of both domains one covariance.

        R = ‖C_s − C_t‖²_F / (4 d²)

    This is the paper's definition, with covariances over N − 1. Other libraries leave out the
    1/(4 d²), or add the distance of the means: their weights are not ours.

    Sun, Saenko, 2016. https://arxiv.org/abs/1607.01719
    """

    needs = ("embedding",)

    def forward(self, source: Outputs, target: Outputs, batch: Batch) -> Tensor:
        """The distance of the covariances."""
        f_s, f_t = embeddings(source, target)
        apart = torch.cov(f_s.T) - torch.cov(f_t.T)
        return apart.square().sum() / (4 * f_s.shape[1] ** 2)
