"""What runs that are trained side by side have in common: data, batches, teachers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from kdrun.parallel.turns import Turn
from kdrun.types import Batch, Loader

T = TypeVar("T")


@dataclass
class Common:
    """What several runs have in common, made by the first that asks for it.

    Attributes:
        window: so many batches are held for those who come to them a little later: as many as
            lead to a step.
    """

    window: int = 1
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What goes by a name, the same for all.

        Args:
            name: of it.
            make: makes it for the first.
        """
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def batches(self, name: str, make: Callable[[], Loader]) -> Loader:
        """A loader whose batches are made for one and given to all."""
        return self.once(name, lambda: InStep(make(), self.window))


class Beside(NamedTuple):
    """One of several runs that are trained side by side.

    Attributes:
        common: to all of them.
        turn: its own.
    """

    common: Common
    turn: Turn


class InStep:
    """A loader that makes each batch of an epoch once for all who go through it in step.

    Who comes more than `window` batches after the first gets batches of its own, which are alike.

    Args:
        loader: whose batches they are; this has whatever else it has.
        window: of batches that are held.
    """

    def __init__(self, loader: Loader, window: int) -> None:
        self.loader, self.window, self.targets = loader, window, loader.targets
        self._open: tuple[int, _Stream] | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "loader":  # while it is copied
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        if self._open is None or self._open[0] != epoch or not self._open[1].holds(0):
            self._open = epoch, _Stream(self.loader.epoch(epoch), self.window)
        stream = self._open[1]
        for position in range(len(self.loader)):
            if not stream.holds(position):
                yield from islice(self.loader.epoch(epoch), position, None)
                return
            yield stream.at(position)


class _Stream:
    """An epoch's batches as they come, the last ones held."""

    def __init__(self, batches: Iterator[Batch], window: int) -> None:
        self._batches, self._held = batches, deque[Batch](maxlen=window)
        self._count = 0

    def holds(self, position: int) -> bool:
        """Whether a batch is held, or to come."""
        return position >= self._count - len(self._held)

    def at(self, position: int) -> Batch:
        """A batch that is held or comes next."""
        while position >= self._count:
            self._held.append(next(self._batches))
            self._count += 1
        return self._held[position - self._count]
