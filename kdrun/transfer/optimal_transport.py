"""Optimal transport of the source's samples onto the target's."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kdrun.dataset.arrays import Array
from kdrun.target import nearest
from kdrun.transfer.affine import Affine
from kdrun.transfer.mapping import Mapping, reduced, some_rows

Plan = Literal["exact", "entropic", "classes"]


@dataclass(kw_only=True)
class OptimalTransport(Mapping):
    """Move each labelled sample to where the cheapest plan sends it in the target.

        P = argmin_P ⟨P, C⟩ + ε Σ P log P + η Σ_j Σ_c ‖P_cj‖,  X_s ← n_s P X_t

    C are squared distances, P carries all mass of the source to the target, and P_cj is what class
    c sends to sample j: with η, a target sample gets its mass from few classes. Courty, Flamary,
    Tuia, Rakotomamonjy, IEEE TPAMI 2017. https://arxiv.org/abs/1507.00504. The plan is found by
    POT, https://pythonot.github.io, which `pip install kdrun[ot]` brings.

    Args:
        plan: `exact` (ε = η = 0), `entropic` (η = 0) or `classes`.
        entropy: ε, where C is divided by its median.
        class_weight: η, likewise.
        n_components: project both on the principal components of all samples first; None for not.
        max_samples: the plan is between so many samples of each domain at most; the others of the
            source follow their nearest neighbour.
    """

    plan: Plan = "classes"
    entropy: float = 0.1
    class_weight: float = 0.1
    n_components: int | None = None
    max_samples: int = 2000

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """The target stays where it is."""
        ours, theirs, axes = reduced(source, target, self.n_components)
        chosen = some_rows(np.arange(len(ours)), self.max_samples)
        transport = self._transport()
        with warnings.catch_warnings():
            # POT looks for every array library there is, and some warn when they are imported.
            warnings.simplefilter("ignore")
            transport.fit(
                Xs=ours[chosen], ys=labels[chosen], Xt=some_rows(theirs, self.max_samples)
            )
            moved: Array = np.array(ours)
            moved[chosen] = transport.transform(Xs=ours[chosen])
            others = np.setdiff1d(np.arange(len(ours)), chosen)
            if len(others):
                moved[others] = transport.transform(Xs=ours[others])
        if not np.isfinite(moved).all():
            raise ValueError(
                f"transfer.entropy={self.entropy} is too small: the plan is not finite."
            )
        return moved, axes

    def _transport(self) -> Any:
        try:
            from ot import da  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ModuleNotFoundError as error:
            raise ValueError(
                "transfer=optimal_transport needs the package POT: pip install 'kdrun[ot]'"
            ) from error
        reg = {"reg_e": self.entropy}
        plans = {
            "exact": da.EMDTransport,
            "entropic": lambda: da.SinkhornTransport(**reg, norm="median"),
            "classes": lambda: da.SinkhornLpl1Transport(
                **reg, reg_cl=self.class_weight, norm="median"
            ),
        }
        if self.plan not in plans:
            raise ValueError(
                f"transfer.plan={self.plan} is not defined; {nearest(self.plan, plans)}"
            )
        return plans[self.plan]()
