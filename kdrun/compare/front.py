"""Which groups no other beats: as good and as cheap at least, and better in one of the two."""

from __future__ import annotations

import math

from kdrun.compare.comparison import Comparison, Line
from kdrun.compare.groups import SAME_TEST, shown
from kdrun.results.glossary import is_cost, is_guess


def field(line: Line) -> tuple[str, ...]:
    """On which data it was tested, as far as that was named: only there do two groups compete."""
    by = line.group.by
    return tuple(shown(by[key]) for key in by if key in SAME_TEST and by[key] is not None)


def mark_front(comparison: Comparison, cost: str) -> None:
    """Set `on_front` of every line; of groups that tie in both, all are on the front.

    Args:
        comparison: whose first metric is weighed against the cost.
        cost: a column among its metrics.
    """
    points: dict[tuple[str, ...], list[tuple[float, float, Line]]] = {}
    absent = 0
    for line in comparison.lines:
        line.on_front = False
        price, loss = _penalty(line, cost), _penalty(line, comparison.metrics[0])
        if price is None or loss is None:
            absent += 1
        else:
            points.setdefault(field(line), []).append((price, loss, line))
    for competing in points.values():
        best, last = math.inf, None
        for price, loss, line in sorted(competing, key=lambda point: point[:2]):
            line.on_front = loss < best or (price, loss) == last
            if line.on_front:
                best, last = loss, (price, loss)
    if is_guess(cost):
        comparison.notes.append(f"nothing says whether less {cost} is better: more is taken for it")
    if absent:
        comparison.notes.append(f"{absent} groups have no {cost}, and are not on the front")


def _penalty(line: Line, metric: str) -> float | None:
    """A mean as a number of which less is better, without the last digits, which are rounding."""
    mean = line.mean[metric]
    if mean is None:
        return None
    return float(f"{mean if is_cost(metric) else -mean:.12g}")
