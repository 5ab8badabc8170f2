"""Principal components as the space of both domains."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, get_args

from kdrun.config.instantiate import nearest
from kdrun.dataset.arrays import Array
from kdrun.transfer.affine import Affine
from kdrun.transfer.mapping import Mapping, principal_axes, reduced
from kdrun.transfer.subspace_alignment import align_subspaces

log = logging.getLogger(__name__)

Basis = Literal["shared", "source", "aligned", "separate"]


@dataclass(kw_only=True)
class PCAMapping(Mapping):
    """Standardise, project on principal components, classify.

    Which components makes all the difference. Those of each domain by itself are other coordinates
    in the source than in the target: in sign, in order, and in any rotation of directions of equal
    variance. A classifier of the one is then at chance in the other, even without any shift.

    Args:
        n_components: how many.
        basis: `shared`, of all samples of both domains; `source`, of the source's alone, as in a
            pipeline of scikit-learn; `aligned`, of each domain, the source's then rotated onto the
            target's (see `SubspaceAlignment`); `separate`, of each domain and not aligned, which is
            an error made often and is here to be shown.
    """

    n_components: int = 30
    basis: Basis = "shared"

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """Project on the basis."""
        if self.basis not in get_args(Basis):
            hint = nearest(self.basis, get_args(Basis))
            raise ValueError(f"transfer.basis={self.basis} is not defined; {hint}")
        if self.basis == "aligned":
            return align_subspaces(source, target, self.n_components)
        if self.basis == "shared":
            mapped, _, axes = reduced(source, target, self.n_components)
            return mapped, axes
        ours = principal_axes(source, self.n_components, "source's features")
        if self.basis == "source":
            return ours(source), ours
        log.warning(
            "transfer.basis=separate puts the domains in different coordinates, and is for "
            "demonstration only: use shared, source or aligned"
        )
        return ours(source), principal_axes(target, self.n_components, "target's features")
