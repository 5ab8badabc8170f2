"""Subspace alignment."""

from __future__ import annotations

from dataclasses import dataclass

from kdrun.dataset.arrays import Array
from kdrun.transfer.affine import Affine
from kdrun.transfer.mapping import Mapping, principal_axes


@dataclass(kw_only=True)
class SubspaceAlignment(Mapping):
    """Rotate the source's principal components onto the target's.

        Z_s = (X_s − m_s) W_s W_sᵀ W_t,  Z_t = (X_t − m_t) W_t

    W_sᵀ W_t is the M that minimises ‖W_s M − W_t‖. Fernando, Habrard, Sebban, Tuytelaars,
    ICCV 2013. https://doi.org/10.1109/ICCV.2013.368

    Args:
        n_components: of each domain.
    """

    n_components: int = 30

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """The target's components are the space of both."""
        return align_subspaces(source, target, self.n_components)


def align_subspaces(source: Array, target: Array, n_components: int) -> tuple[Array, Affine]:
    """The source's samples on its components, rotated, and the projection of the target on its own.

    Args:
        source: (N, D).
        target: (M, D).
        n_components: of each.

    Raises:
        ValueError: one of them does not vary in so many directions.
    """
    ours = principal_axes(source, n_components, "source's features")
    theirs = principal_axes(target, n_components, "target's features")
    return ours(source) @ (ours.weight.T @ theirs.weight), theirs
