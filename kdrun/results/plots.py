"""Pictures of a run (curves, confusion matrix) and of groups of runs (intervals, front)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kdrun.results.glossary import is_share
from kdrun.results.record import atomic
from kdrun.results.table import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED, COUNTED = 100, 20
"""Up to so many classes the confusion matrix names every one, and writes every count."""


def curves(history: Sequence[Mapping[str, Value]], path: Path | str) -> None:
    """Draw what metrics.csv says: losses on the left, validation scores on the right.

    A history without epochs makes no picture.
    """
    if not history:
        return
    names = list(dict.fromkeys(name for row in history for name in row))
    losses = [name for name in names if name.split("_")[0] == "loss"]
    watched = [name for name in names if name.startswith(("val_", "source_"))]
    scores = [name for name in watched if is_share(name)] or watched
    panels = [
        (title, measured)
        for title, group in (("training loss", losses), ("validation", scores))
        if (
            measured := [
                name for name in group if any(row.get(name) is not None for row in history)
            ]
        )
    ]
    figure = _figure(5.2 * len(panels), 3.6)
    for position, (title, measured) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), position + 1)
        for name in measured:
            # The sum is what was minimised; its terms stand behind it.
            width = 2.2 if name == "loss" or name == next(iter(scores), "") else 1.2
            axes.plot(
                [_number(row.get("epoch")) for row in history],
                [_number(row.get(name)) for row in history],
                label=name.removeprefix("loss_"),
                linewidth=width,
                marker="o" if len(history) == 1 else None,
            )
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        if len(history) > 1:
            axes.locator_params(axis="x", integer=True)
        else:
            axes.set_xticks([_number(history[0].get("epoch"))])
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        _plain_text(axes.legend(frameon=False, fontsize=9).get_texts())
    _save(figure, path)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], path: Path | str) -> None:
    """Draw a confusion matrix: rows are true classes, colours are shares of a row.

    Args:
        matrix: C rows of C counts; columns are predictions.
        classes: their names; every one is written up to `NAMED` of them.
        path: of the PNG file.
    """
    count = len(matrix)
    totals = [sum(row) for row in matrix]
    shares = [[n / max(total, 1) for n in row] for row, total in zip(matrix, totals, strict=True)]
    side = min(max(4.5, 1.8 + 0.42 * count), 15.0)
    figure = _figure(side + 1, side)
    axes = figure.add_subplot()
    # Most of a good matrix is its diagonal: the square root keeps a confusion of 1 % visible.
    roots = [[math.sqrt(share) for share in row] for row in shares]
    image = axes.imshow(roots, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, label="share of the true class")
    ticks = (0, 0.01, 0.05, 0.2, 0.5, 1)
    bar.set_ticks([math.sqrt(tick) for tick in ticks], labels=[f"{tick:.0%}" for tick in ticks])
    if count <= NAMED:
        _name_classes(axes, [str(name) for name in classes])
    if count <= COUNTED:
        _write_counts(axes, matrix, shares)
    right = sum(row[index] for index, row in enumerate(matrix))
    axes.set_title(f"{right:,} of {sum(totals):,} right", loc="left", fontsize=11)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    _save(figure, path)


class Point(NamedTuple):
    """A group of runs in a picture.

    Attributes:
        name: what it is called.
        value: its mean.
        low: end of the interval of the mean.
        high: the other end.
        cost: what it costs, if that was measured.
        on_front: whether no other is both better and cheaper.
    """

    name: str
    value: float
    low: float
    high: float
    cost: float | None = None
    on_front: bool = False


def bars(points: Sequence[Point], label: str, path: Path | str) -> None:
    """Draw means with their intervals, one below the other in the order given.

    The axis begins near the smallest value, so these are dots: a bar would have to begin at zero.
    """
    figure = _figure(7, 1.2 + 0.3 * len(points))
    axes = figure.add_subplot()
    places = range(len(points))
    for place, point in zip(places, points, strict=True):
        axes.plot([point.low, point.high], [place, place], color="C0", linewidth=2, alpha=0.5)
    axes.plot([point.value for point in points], places, "o", color="C0")
    axes.set_ylim(len(points) - 0.5, -0.5)
    _plain_text([t.label1 for t in axes.set_yticks(places, [p.name for p in points], fontsize=9)])
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def front(points: Sequence[Point], label: str, cost: str, path: Path | str) -> None:
    """Draw values against what they cost, and the front of those that no other beats."""
    figure = _figure(7, 5)
    axes = figure.add_subplot()
    known = [(point.cost, point) for point in points if point.cost is not None]
    best = sorted((price, point.value) for price, point in known if point.on_front)
    axes.plot(*zip(*best, strict=True), color="C1", linewidth=1.2, drawstyle="steps-post")
    for price, point in known:
        colour = "C1" if point.on_front else "C0"
        axes.plot([price, price], [point.low, point.high], color=colour, linewidth=2, alpha=0.5)
        axes.plot(price, point.value, "o", color=colour)
        note = axes.annotate(
            point.name, (price, point.value), (6, 4), textcoords="offset points", fontsize=8
        )
        _plain_text([note])
    prices = [price for price, _ in known]
    if min(prices) > 0 and max(prices) > 10 * min(prices):
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel(cost)
    axes.set_ylabel(label)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def lines(series: Mapping[str, Sequence[Point]], label: str, column: str, path: Path | str) -> None:
    """Draw a line for each series over a column of numbers, the points' `cost`, with intervals."""
    figure = _figure(7, 5)
    axes = figure.add_subplot()
    places = sorted({point.cost or 0.0 for points in series.values() for point in points})
    for number, (name, points) in enumerate(series.items()):
        ordered = sorted(points, key=lambda point: point.cost or 0.0)
        x = [point.cost or 0.0 for point in ordered]
        colour = f"C{number % 10}"
        axes.plot(x, [p.value for p in ordered], "o-", color=colour, label=name)
        low, high = [p.low for p in ordered], [p.high for p in ordered]
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    if places[0] > 0 and places[-1] > 10 * places[0]:
        axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(places, [f"{place:,g}" for place in places])
    axes.set_xlabel(column)
    axes.set_ylabel(label)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    _plain_text(axes.legend(frameon=False).get_texts())
    _save(figure, path)


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    short = [name if len(name) <= 24 else f"{name[:23]}…" for name in names]
    size = 9 if len(names) <= 40 else 6
    upright = max(map(len, short), default=0) <= 2
    places = range(len(short))
    columns = axes.set_xticks(places, short, fontsize=size, rotation=0 if upright else 90)
    rows = axes.set_yticks(places, short, fontsize=size)
    _plain_text([tick.label1 for tick in (*columns, *rows)])


def _write_counts(axes: Axes, matrix: Sequence[Sequence[int]], shares: list[list[float]]) -> None:
    for y, row in enumerate(matrix):
        for x, n in enumerate(row):
            if n:
                ink = "white" if shares[y][x] > 0.3 else "black"
                axes.text(x, y, f"{n}", ha="center", va="center", fontsize=8, color=ink)


def _figure(width: float, height: float) -> Figure:
    # pyplot would cost half a second and keep global state; a figure needs neither.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="compressed", dpi=120)


def _save(figure: Figure, path: Path | str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    with atomic(path) as temporary, warnings.catch_warnings():
        # A class named in a script that the font lacks is drawn as boxes; nothing else is wrong.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(temporary, format="png", bbox_inches="tight")


def _plain_text(texts: Sequence[Any]) -> None:
    """Draw names as they are: a `$` in one is no formula."""
    for text in texts:
        text.set_parse_math(False)


def _number(value: Value) -> float:
    return math.nan if value is None or isinstance(value, str) else float(value)
