"""Transfer component analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kdrun.config.instantiate import nearest
from kdrun.dataset.arrays import Array
from kdrun.transfer.affine import Affine, Kernel
from kdrun.transfer.mapping import Mapping, some_rows, squared_distances


@dataclass(kw_only=True)
class TCA(Mapping):
    """Components along which the domains have the same mean, and the samples still vary.

        max_W tr(Wᵀ K H K W)  such that  Wᵀ (K L K + μ I) W = I

    K is the kernel between all samples, H centres, and L makes Wᵀ K L K W the squared distance of
    the domains' means (their MMD). It is a symmetric, definite, generalised eigenproblem, and is
    solved as one: the non-symmetric (K L K + μ I)⁻¹ K H K given to a symmetric solver would keep
    the distance whatever μ is. Pan, Tsang, Kwok, Yang, IEEE TNN 2011.

    Args:
        n_components: columns of W.
        mu: μ, the price of large W. The kernel is divided by its mean diagonal first, so that μ
            means the same for every kernel.
        kernel: `linear`, which any student can carry, or `rbf`, which needs student=rbf.
        gamma: of the Gaussian kernel; None for the inverse of the median squared distance.
        max_samples: the eigenproblem is of so many samples at most, drawn evenly from both domains.
    """

    n_components: int = 30
    mu: float = 1.0
    kernel: Literal["linear", "rbf"] = "linear"
    gamma: float | None = None
    max_samples: int = 1000

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine | Kernel]:
        """Solve for W on some samples; K W are the components of all of them."""
        if self.kernel not in ("linear", "rbf"):
            hint = nearest(self.kernel, ("linear", "rbf"))
            raise ValueError(f"transfer.kernel={self.kernel} is not defined; {hint}")
        if self.mu <= 0:
            raise ValueError(f"transfer.mu={self.mu}: give more than 0.")
        size = self.max_samples // 2
        ours, theirs = some_rows(source, size), some_rows(target, size)
        centres = np.concatenate([ours, theirs]).astype(np.float64)
        if self.kernel == "linear":
            after = self._solve(centres @ centres.T, len(ours))
            axes = Affine(centres.T @ after, np.zeros(after.shape[1]))
            return axes(source), axes
        distances = squared_distances(centres, centres)
        gamma = self.gamma or 1 / np.median(distances[~np.eye(len(centres), dtype=bool)])
        after = self._solve(np.exp(-gamma * distances), len(ours))
        mapped = np.exp(-gamma * squared_distances(source, centres)) @ after
        return mapped, Kernel(centres, float(gamma), Affine(after, np.zeros(after.shape[1])))

    def _solve(self, kernel: Array, from_source: int) -> Array:
        """(M, n_components) W, scaled so that the components K W have variance one on average."""
        from scipy.linalg import eigh

        size = len(kernel)
        if not 1 <= self.n_components < size:
            raise ValueError(
                f"transfer.n_components={self.n_components}: give 1 to {size - 1}, fewer than the "
                f"{size} samples of the eigenproblem."
            )
        unit = np.trace(kernel) / size
        kernel = kernel / unit
        sign = np.full(size, 1 / from_source)
        sign[from_source:] = -1 / (size - from_source)
        apart = kernel @ sign  # K L K is the outer product of this vector with itself
        centred = kernel - kernel.mean(0)  # H K
        values, vectors = eigh(
            centred.T @ centred,
            np.outer(apart, apart) + self.mu * np.eye(size),
            subset_by_index=(size - self.n_components, size - 1),
        )
        rank = int((values > 1e-12 * values[-1]).sum())
        if rank < self.n_components:
            raise ValueError(
                f"transfer.n_components={self.n_components} is more than the rank of the kernel: "
                f"give 1 to {rank}."
            )
        components = kernel @ vectors[:, ::-1]
        # Their relative scale is what was solved for; the total is what a classifier expects.
        scale = np.sqrt(self.n_components / components.var(0).sum())
        weights: Array = scale * vectors[:, ::-1] / unit
        return weights
