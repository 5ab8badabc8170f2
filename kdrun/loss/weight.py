"""How much a loss term counts, as training goes on."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

SHAPES = ("linear", "cosine")


@dataclass(frozen=True)
class Weight:
    """The weight of a loss term as a function of the epoch.

    Zero outside [start, until); inside, it moves from `initial` to `value` during the first
    `warmup` epochs and then stays. With nothing but a value it is constant.

    Args:
        value: weight after the warm-up.
        initial: weight at the beginning of the warm-up; above `value`, the weight falls.
        warmup: length of the warm-up in epochs.
        shape: of the warm-up, "linear" or "cosine" (half a period).
        start: first epoch in which the term counts.
        until: epoch from which it counts no more.

    Raises:
        ValueError: an argument is out of its range.
    """

    value: float
    initial: float = 0.0
    warmup: float = 0.0
    shape: str = "linear"
    start: float = 0.0
    until: float = math.inf

    def __post_init__(self) -> None:
        for name in ("value", "initial", "warmup", "start"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} of a weight is finite, not {getattr(self, name)}")
        if self.warmup < 0 or self.start < 0:
            raise ValueError(
                f"epochs are not negative: warmup is {self.warmup}, start is {self.start}"
            )
        if not self.until > self.start:
            raise ValueError(f"until ({self.until}) lies after start ({self.start})")
        if self.shape not in SHAPES:
            raise ValueError(f"shape is one of {', '.join(SHAPES)}, not {self.shape!r}")

    @property
    def constant(self) -> bool:
        """Whether it is the same at all times at which it counts."""
        return not self.warmup or self.initial == self.value

    def counts(self, epoch: float) -> bool:
        """Whether the term is to be computed at `epoch`; at the foot of a warm-up it is."""
        return self.start <= epoch < self.until and bool(self.value or self.initial)

    def __call__(self, epoch: float) -> float:
        """The weight at `epoch`, a fraction inside an epoch: 0 is the beginning of training."""
        if not self.start <= epoch < self.until:
            return 0.0
        elapsed = epoch - self.start
        if elapsed >= self.warmup:
            return self.value
        part = elapsed / self.warmup
        if self.shape == "cosine":
            part = (1 - math.cos(math.pi * part)) / 2
        return self.initial + part * (self.value - self.initial)


def parse(spec: float | Mapping[str, object]) -> Weight:
    """The weight that a config describes: a number, or a mapping of `Weight`'s arguments.

    Raises:
        ValueError: a key that `Weight` has not, no value, or a value of the wrong kind.
    """
    if not isinstance(spec, Mapping):
        return Weight(_number("value", spec))
    allowed = [field.name for field in fields(Weight)]
    for key in spec:
        if key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"a weight has {', '.join(allowed)}, not {key!r}{hint}")
    if "value" not in spec:
        raise ValueError(f"a weight needs a value; given are {', '.join(spec) or 'no keys'}")
    numbers = {name: _number(name, number) for name, number in spec.items() if name != "shape"}
    return Weight(**numbers, shape=str(spec.get("shape", Weight.shape)))


def _number(name: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"{name} of a weight is a number, not {given!r}")
    return float(given)
