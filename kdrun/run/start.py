"""Stage 2 of 4: what training begins with, once the source has taught what it can."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from kdrun.config.schema import Train
from kdrun.model.features import Network, Student
from kdrun.model.fitted import fitted
from kdrun.run.parts import Parts
from kdrun.task.generation import Generation
from kdrun.teacher.network import Frozen
from kdrun.teacher.written import rewritten
from kdrun.terminal import phases
from kdrun.transfer import Strategy
from kdrun.transfer.start import fingerprint
from kdrun.types import Arrays, Loader


@dataclass(frozen=True)
class Start:
    """What training begins with.

    Attributes:
        student: after the transfer, if there is one.
        untouched: the source's own model, or the teacher as it was before it was carried over;
            None without one, or where it knows no class of the target.
        train: training batches, of both domains where the strategy wants pairs.
        val: of the validation split; None without one.
        settings: of the loop, as the strategy and the student want them.
        dtype: of the student under autocast; None for float32.
        transferred: what record.json tells of the transfer; empty without one.
        seconds: that the transfer took.
    """

    student: Student
    untouched: nn.Module | None
    train: Loader
    val: Loader | None
    settings: Train
    dtype: torch.dtype | None
    transferred: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def takes_steps(self) -> bool:
        """Whether the student is trained by the loop, not fitted at once."""
        return fitted(self.student) is None and self.settings.epochs > 0


def begin(parts: Parts) -> Start:
    """Carry over what the source knows; the source's model is trained now if nobody has yet.

    Args:
        parts: of the run.

    Raises:
        ValueError: the strategy is not defined for these data, or for this student.
    """
    load, dtype = parts.load, parts.networks.dtype
    start = Start(parts.student, None, load.train, load.val, parts.settings, dtype)
    if parts.strategy is not None:
        start = _transfer(parts, parts.strategy, start)
    if parts.method.target.writes and parts.teacher is not None:  # type: ignore[attr-defined]
        start = replace(start, train=_lessons(parts, parts.teacher))
    if parts.untouched is not None:
        start = replace(start, untouched=parts.untouched())
    if fitted(start.student) is not None:
        at_once = replace(start.settings, epochs=1, ema=0.0, early_stop=None)
        start = replace(start, settings=at_once)
    return start


def _lessons(parts: Parts, teacher: Frozen) -> Loader:
    """Training batches of what the teacher wrote for the training prompts."""
    split, task = parts.data.train, parts.data.task
    assert isinstance(split, Arrays)
    assert isinstance(task, Generation)
    settings = {key: parts.method.section[key] for key in ("beams", "temperature")}
    lessons = rewritten(split, parts.load(split), teacher, task, parts.cache, settings)
    return parts.load(lessons, training=True)


def _transfer(parts: Parts, strategy: Strategy, start: Start) -> Start:
    """The start with a student that has what the source could teach it."""
    assert isinstance(parts.student, Network)
    phases.transfer(parts.transfer, parts.roles.student["name"])
    begun = time.perf_counter()
    student, source, target = parts.student, parts.source, parts.load(parts.data.train)
    untouched: nn.Module | None = None
    try:
        strategy.check(student)
        if source is not None:
            untouched = strategy.untouched(student, source, target)
        student = strategy(student, source, target)
    except ValueError as error:
        raise ValueError(f"transfer {parts.transfer}: {error}") from error
    epochs = start.settings.epochs if strategy.epochs is None else strategy.epochs
    return replace(
        start,
        student=student,
        untouched=untouched,
        train=parts.load.paired() if strategy.paired else start.train,
        settings=replace(start.settings, epochs=epochs),
        dtype=student.dtype,
        transferred={"start": fingerprint(student)},
        seconds=time.perf_counter() - begun,
    )
