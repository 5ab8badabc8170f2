"""Correlation alignment of embeddings."""

from __future__ import annotations

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
        apart = _covariance(f_s.T) - _covariance(f_t.T)
        return apart.square().sum() / (4 * f_s.shape[1] ** 2)


def _covariance(rows: Tensor) -> Tensor:
    """`torch.cov`, which asks the device whether there are any samples."""
    count = rows.shape[1]
    centred = rows - (rows.sum(1) / count)[:, None]
    return centred @ centred.T / (count - 1)
