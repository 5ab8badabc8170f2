"""Optimal transport of the source's samples onto the target's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdrun.dataset.arrays import Array
from kdrun.transfer.affine import Affine
from kdrun.transfer.mapping import Mapping, reduced, some_rows, squared_distances
from kdrun.transfer.plan import Kind, solve


@dataclass(kw_only=True)
class OptimalTransport(Mapping):
    """Move each labelled sample to where the cheapest plan sends it in the target.

        P = argmin_P ⟨P, C⟩ + ε Σ P log P + η Σ_j Σ_c ‖P_cj‖,  X_s ← n_s P X_t

    C are squared distances, P carries all mass of the source to the target, and P_cj is what class
    c sends to sample j: with η, a target sample gets its mass from few classes. Courty, Flamary,
    Tuia, Rakotomamonjy, IEEE TPAMI 2017. https://arxiv.org/abs/1507.00504. The plan is found by
    POT, https://pythonot.github.io, which `pip install kdrun[ot]` brings; how much of the mass lies
    where it does not belong in the end is `plan_astray` in the record, and told from 1 % on.

    Args:
        plan: `exact` (ε = η = 0), `entropic` (η = 0) or `classes`.
        entropy: ε, where C is divided by its median.
        class_weight: η, likewise.
        n_components: project both on the principal components of all samples first; None for not.
        max_samples: the plan is between so many samples of each domain at most; the others of the
            source follow their nearest neighbour.
    """

    plan: Kind = "classes"
    entropy: float = 0.1
    class_weight: float = 0.1
    n_components: int | None = None
    max_samples: int = 2000

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """The target stays where it is."""
        ours, theirs, axes = reduced(source, target, self.n_components)
        chosen = some_rows(np.arange(len(ours)), self.max_samples)
        known, seen = ours[chosen], some_rows(theirs, self.max_samples)
        cost = squared_distances(known, seen)
        plan = solve(cost, labels[chosen], self.plan, self.entropy, self.class_weight)
        self.report = {"plan_astray": plan.astray}
        to = plan.mass @ seen / plan.mass.sum(1, keepdims=True)
        moved: Array = np.array(ours)
        moved[chosen] = to
        others = np.setdiff1d(np.arange(len(ours)), chosen)
        for part in np.array_split(others, -(-len(others) // self.max_samples) or 1):
            nearest = squared_distances(ours[part], known).argmin(1)
            moved[part] += (to - known)[nearest]
        if not np.isfinite(moved).all():
            raise ValueError(
                f"transfer.entropy={self.entropy} is too small: a sample of the source goes "
                "nowhere; give a larger one, or transfer.plan=exact, which needs none."
            )
        return moved, axes
