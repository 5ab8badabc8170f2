"""Transport plans between samples: solved in float64 on scaled costs, and looked at."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from kdrun.config.instantiate import nearest
from kdrun.dataset.arrays import Array

log = logging.getLogger(__name__)

Kind = Literal["exact", "entropic", "classes"]

ASTRAY = 0.01
"""Share of the mass that may lie where it does not belong without being told."""

LOST = 0.5
"""From this share on, a plan is none."""

ITERATIONS = {"exact": 1_000_000, "entropic": 10_000, "classes": 1_000}
"""Of the solvers at most; of `classes`, for each of its ten rounds."""


class Plan(NamedTuple):
    """How the mass of N samples goes to M others, each sample with as much as the next.

    Attributes:
        mass: (N, M), whose rows sum to 1/N and columns to 1/M, but for `astray`.
        astray: share of the mass that is on the wrong row or column.
    """

    mass: Array
    astray: float


def solve(
    cost: Array,
    labels: Array,
    kind: Kind = "classes",
    entropy: float = 0.1,
    class_weight: float = 0.1,
) -> Plan:
    """The cheapest plan, by POT.

    Costs are divided by their median, and the least of each row and column is taken off, which
    changes no plan and keeps the largest kernel values at one.

    Args:
        cost: (N, M) between samples.
        labels: (N,) classes of the first, which `classes` reads.
        kind: `exact`, `entropic`, or `classes`, as `OptimalTransport` says.
        entropy: weight of the entropy, for costs whose median is 1.
        class_weight: that of the classes, likewise.

    Raises:
        ValueError: POT is not installed, the kind does not exist, or the mass is lost: the entropy
            is too small for such costs.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"transfer.plan={kind} is not defined; {nearest(kind, get_args(Kind))}")
    ot = _library()
    cost = cost.astype(np.float64)
    cost = cost / (np.median(cost) or 1.0)
    cost = cost - cost.min(1, keepdims=True)
    cost = cost - cost.min(0)
    ours, theirs = (np.full(size, 1 / size) for size in cost.shape)
    most = ITERATIONS[kind]
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        if kind == "exact":
            mass = ot.emd(ours, theirs, cost, numItermax=most)
        elif kind == "entropic":
            mass = ot.sinkhorn(ours, theirs, cost, entropy, numItermax=most)
        else:
            mass = ot.da.sinkhorn_lpl1_mm(
                *(ours, labels, theirs, cost, entropy, class_weight), numInnerItermax=most
            )
    astray = _astray(mass, ours, theirs)
    if not astray < LOST and kind != "exact":
        raise ValueError(
            f"transfer.entropy={entropy} is too small for these costs: the plan lost its mass; "
            "give a larger one, or transfer.plan=exact, which needs none."
        )
    said = sorted({str(warning.message).split(".")[0].split("\n")[0] for warning in caught})
    if astray > ASTRAY:
        log.warning(
            "transfer.plan=%s did not converge in %d iterations: %.1f %% of the mass lies where it "
            "does not belong%s; each source sample still goes to the mean of what it was given. "
            "Raise transfer.entropy, or take transfer.plan=exact",
            kind,
            most,
            100 * astray,
            f" (POT: {'; '.join(said)})" if said else "",
        )
    return Plan(mass, astray)


def _astray(mass: Array, ours: Array, theirs: Array) -> float:
    """Half of what rows and columns differ from what they should be; NaN where anything is."""
    return float(max(abs(mass.sum(1) - ours).sum(), abs(mass.sum(0) - theirs).sum()) / 2)


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            # POT looks for every array library there is, and some warn when they are imported.
            warnings.simplefilter("ignore")
            import ot  # type: ignore[import-not-found,import-untyped,unused-ignore]
            import ot.da  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ModuleNotFoundError as error:
        raise ValueError(
            "transfer=optimal_transport needs the package POT: pip install 'kdrun[ot]'"
        ) from error
    return ot
