"""A teacher that several trainings in one process ask: it answers once about a batch of all."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from kdrun.score.latency import Latency
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs, Shape

CHOSEN = {
    **{name: name for name in ("embedding", "features", "preactivations", "attentions", "tokens")},
    **dict.fromkeys(("ids", "mask"), "tokens"),
}
"""Fields of `Outputs` that are filled for those who ask for them, or for another one."""

HELD = 2**26
"""Bytes of answers about a split that are remembered."""


class Desk:
    """Where a teacher sits that several ask.

    Args:
        teacher: itself.
        window: so many of the last answers it remembers.
    """

    def __init__(self, teacher: Frozen, window: int = 1) -> None:
        self.teacher = teacher
        self.said: deque[tuple[Batch, Outputs]] = deque(maxlen=window)
        self.wanted: weakref.WeakKeyDictionary[InCommon, frozenset[str]] = (
            weakref.WeakKeyDictionary()
        )
        self.splits: dict[str, Frozen | None] = {}
        self.latency: Latency | None = None

    def keep(self, who: InCommon, fields: frozenset[str]) -> None:
        """Have it say what one of those who ask wants beside what the others want."""
        before = self.wanted.get(who, frozenset())
        self.wanted[who] = fields
        try:
            self.choose()
        except ValueError:
            self.wanted[who] = before
            self.choose()
            raise

    def choose(self) -> None:
        """Have it say what anybody wants."""
        self.said.clear()
        self.teacher.keep(frozenset[str]().union(*self.wanted.values()))

    def answer(self, batch: Batch) -> tuple[Outputs, bool]:
        """What it says of a batch, and whether it had to be asked."""
        for about, said in self.said:
            if about is batch:
                return said, False
        outputs: Outputs = self.teacher(batch)
        if not (batch.index.is_cuda and torch.cuda.is_current_stream_capturing()):
            self.said.append((batch, outputs))  # what is recorded has memory of its own
        return outputs, True

    def on(self, split: str) -> Frozen | None:
        """It for another split, whose answers are remembered."""
        if split not in self.splits:
            other = self.teacher.on(split)
            self.splits[split] = None if other is None else Heard(other)
        return self.splits[split]

    def timed(self, shape: Shape, device: torch.device, cache: Path | None) -> Latency:
        """How long it takes for one sample: measured for the first who asks."""
        if self.latency is None:
            self.latency = self.teacher.timed(shape, device, cache)
            self.choose()
        return self.latency


class InCommon(Frozen):
    """The teacher of one of several runs that are trained side by side.

    Args:
        desk: where it is asked.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.teacher.network)
        self.desk = desk
        self.fields: frozenset[str] = frozenset()
        self.samples = self.asked = 0

    def keep(self, fields: Iterable[str]) -> None:
        """As the teacher's; others may want more of it."""
        self.fields = frozenset(fields) - {"logits"}
        self.desk.keep(self, self.fields)

    def begin_epoch(self, epoch: int) -> None:
        """As the teacher's."""
        self.desk.teacher.begin_epoch(epoch)
        self.samples = self.asked = 0

    def since(self) -> float:
        """Which part of the samples of this epoch it was asked about for this run, not another."""
        return self.asked / self.samples if self.samples else 0.0

    def on(self, split: str) -> Frozen | None:
        """As the teacher's; asked once."""
        return self.desk.on(split)

    def timed(self, shape: Shape, device: torch.device, cache: Path | None) -> Latency:
        """As the teacher's."""
        return self.desk.timed(shape, device, cache)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Outputs:
        """What the teacher says, of it what this run wants."""
        said, asked = self.desk.answer(batch)
        self.samples += len(batch.index)
        self.asked += asked * len(batch.index)
        extra = frozenset[str]().union(*self.desk.wanted.values()) - self.fields
        left_out = [field for field, wanted in CHOSEN.items() if wanted in extra]
        return said._replace(**{field: Outputs._field_defaults[field] for field in left_out})


class Heard(Frozen):
    """A teacher that remembers the logits that it gave for the batches of a split.

    Args:
        teacher: itself.
    """

    def __init__(self, teacher: Frozen) -> None:
        super().__init__(teacher.network)
        self.teacher = teacher
        self.heard: dict[bytes, tuple[Tensor, Tensor | None]] = {}
        self.held = 0

    def on(self, split: str) -> Frozen | None:
        """As the teacher's."""
        return self.teacher.on(split)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Outputs:
        """The logits, and how much they count."""
        about = batch.index.cpu().numpy().tobytes()
        if about not in self.heard:
            said: Outputs = self.teacher(batch)
            size = said.logits.numel() * said.logits.element_size()
            if self.held + size > HELD:
                return said
            self.held += size
            self.heard[about] = said.logits, said.weight
        logits, weight = self.heard[about]
        return Outputs(logits, weight=weight)
