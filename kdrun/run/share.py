"""How much of the loss each of its terms is."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from kdrun.train import Row

log = logging.getLogger(__name__)

LEAST = 1e-6
"""Below this share of the loss, a term has no say in float32."""


def shares(row: Row) -> dict[str, float]:
    """The size of each term's mean over an epoch, relative to the sum of all sizes.

    Args:
        row: of metrics.csv.
    """
    sizes = {
        key.removeprefix("loss_"): abs(float(value or 0.0))
        for key, value in row.items()
        if key.startswith("loss_")
    }
    whole = sum(sizes.values())
    return {name: size / whole for name, size in sizes.items()} if whole else {}


def warn_of_idle(history: Sequence[Row], expected: Collection[str] = ()) -> None:
    """Warn of a term that did next to nothing in the last epoch; once for each, also if resumed.

    Args:
        history: rows of metrics.csv.
        expected: terms that have nothing to do, and need no warning.
    """
    *before, last = history
    for name, share in shares(last).items():
        if name in expected:
            continue
        if share < LEAST and not any(shares(row).get(name, 1.0) < LEAST for row in before):
            log.warning(
                "epoch %s: the term %s is %.1g of the loss, too little to count; "
                "raise its weight, or leave it out",
                *(last["epoch"], name, share),
            )
