"""Correlation alignment, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdrun.dataset.arrays import Array
from kdrun.transfer.affine import Affine
from kdrun.transfer.mapping import Mapping, reduced


@dataclass(kw_only=True)
class Coral(Mapping):
    """Give the source the target's mean and covariance.

        X_s ← (X_s − m_s) (C_s + λI)^(−1/2) (C_t + λI)^(1/2) + m_t

    Sun, Feng, Saenko, AAAI 2016. https://arxiv.org/abs/1511.05547. The paper takes both means to be
    zero, as they are where `scaler=per_domain`.

    Args:
        regularisation: λ, 1 in the paper.
        n_components: project both on the principal components of all samples first; None for not,
            where a covariance of all features is small enough to be decomposed.
        recentre: whether the source gets the target's mean too.
    """

    regularisation: float = 1.0
    n_components: int | None = None
    recentre: bool = True

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """The target stays where it is."""
        if self.regularisation <= 0:
            raise ValueError(f"transfer.regularisation={self.regularisation}: give more than 0.")
        ours, theirs, axes = reduced(source, target, self.n_components)
        whiten, colour = self._power(ours, -0.5), self._power(theirs, 0.5)
        centre = ours.mean(0)
        moved = (ours - centre) @ whiten @ colour + (theirs.mean(0) if self.recentre else centre)
        return moved, axes

    def _power(self, rows: Array, exponent: float) -> Array:
        """A power of the covariance of some rows, regularised."""
        values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False, ddof=1))
        raised: Array = (vectors * (values.clip(0) + self.regularisation) ** exponent) @ vectors.T
        return raised
