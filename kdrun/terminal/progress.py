"""How a training goes on: a bar where there is a terminal, and a line after each epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from tqdm import tqdm

from kdrun.config.schema import Train
from kdrun.dataset.spot import Spot
from kdrun.terminal.duration import span
from kdrun.terminal.printable import shortened
from kdrun.types import Batch

T = TypeVar("T", bound=Batch | Spot)

History = Sequence[Mapping[str, float | int | None]]
"""A row per epoch, as in metrics.csv."""

WIDTH = 80
"""Columns of a line."""

WHO = 24
"""Those for what is being trained, beside a bar."""

BAR = "{desc} {percentage:3.0f}%|{bar}|{rate_noinv_fmt}{postfix}"


def left(history: History, epochs: int, into: float = 0.0) -> float | None:
    """Seconds until a training ends, judged by its epochs so far.

    Args:
        history: of the epochs that are over.
        epochs: how many there will be.
        into: how much of the present epoch is over, as a fraction.
    """
    if not history:
        return None
    mean = sum(float(row.get("seconds") or 0.0) for row in history) / len(history)
    return mean * max(0.0, epochs - len(history) - into)


def epoch_line(who: str, history: History, epochs: int) -> str:
    """The last epoch for people who read along: what is trained, how well, and what is left.

    Args:
        who: what is trained: `teacher resnet50`.
        history: of the epochs that are over.
        epochs: how many there will be.
    """
    row = history[-1]
    told = [f"epoch {row['epoch']}/{epochs}", f"loss {row['loss']:.4f}"]
    if name := _validated(row):
        told.append(f"{name} {row[name]:.4f}")
    if rest := left(history, epochs):
        told.append(f"{span(rest)} left")
    line = "  ".join(told)
    return f"{shortened(who, WIDTH - len(line) - 1)} {line}".lstrip()


def _validated(row: Mapping[str, float | int | None]) -> str | None:
    """The column of the validation split that is told: the first that was measured."""
    return next((k for k, v in row.items() if k.startswith("val_") and v is not None), None)


def batches(
    items: Iterable[T],
    samples: int,
    who: str,
    history: History,
    settings: Train,
    loss: Callable[[], float],
) -> Iterator[T]:
    """The batches of the next epoch, with a bar where there is a terminal.

    Args:
        items: the batches, or where they come from.
        samples: of the epoch.
        who: what is trained.
        history: of the epochs that are over.
        settings: of the loop.
        loss: of the last batch; asked for when the bar is drawn, not at each step.
    """
    epoch, epochs, count = len(history), settings.epochs, samples
    if not (settings.progress and sys.stderr.isatty()):
        yield from items
        return
    with tqdm(total=count, unit="", unit_scale=True, leave=False, dynamic_ncols=True) as bar:
        bar.bar_format = BAR
        bar.set_description_str(f"{shortened(who, WHO)} {epoch + 1}/{epochs}")
        name = _validated(history[-1]) if history else None
        for item in items:
            yield item
            # tqdm redraws ten times a second; only then is the device asked for the loss.
            if bar.update(len(item.index)):
                told = [f"loss {loss():.3f}"]
                told += [f"val {history[-1][name]:.3f}"] if name else []
                rest = left(history, epochs, bar.n / count)
                told += [] if rest is None else [f"{span(rest)} left"]
                bar.set_postfix_str(", ".join(told), refresh=False)
