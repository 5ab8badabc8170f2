"""What the parts of a run take, measured: its first steps, in a folder that is thrown away."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf

from kdrun.config.schema import Train
from kdrun.dataset.split import select
from kdrun.run.course import Course, course_of
from kdrun.run.finish import finish
from kdrun.run.folder import STUDENT
from kdrun.run.pace import Pace
from kdrun.run.parts import gather
from kdrun.run.scores import write_weights
from kdrun.run.start import begin
from kdrun.score.evaluate import evaluate
from kdrun.teacher.doubt import Judged
from kdrun.teacher.keeping import asked_live
from kdrun.types import Batch, Loader

ENOUGH = 0.3
"""Seconds of a pass over some batches, the first not counted, after which no more are needed."""

SAMPLES = 64
"""Of the test split, to be scored with all that is written of it."""


class Tried(NamedTuple):
    """What was tried of a run, in seconds.

    Attributes:
        pace: of it; its end without what `end` holds.
        end: pictures, weights and what else is written, and how much more that takes in the first
            run of a process; None where it was not tried.
    """

    pace: Pace
    end: tuple[float, float] | None


class Few:
    """The first batches of a loader, and how long each takes whoever asks for them.

    Args:
        loader: all of them.
        device: that is waited for.
    """

    def __init__(self, loader: Loader, device: torch.device) -> None:
        self.loader, self.device, self.targets = loader, device, loader.targets
        self.each, self.spent = 0.0, 0.0
        self.count = len(loader)  # to be seen; found out in the first pass

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Some batches; the first is not counted where there are others, for it comes slowly."""
        begin = first = self._now()
        for seen, batch in enumerate(self.loader.epoch(epoch), start=1):
            yield batch
            now = self._now()
            self.each = (now - first) / max(1, seen - 1)
            if seen == 1:
                first = now
            elif now - first > ENOUGH:
                self.count = min(self.count, seen)
            if seen == self.count:
                break
        self.spent += self._now() - begin

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    @property
    def whole(self) -> float:
        """Seconds that a pass over all batches takes."""
        return self.each * len(self)


@contextmanager
def unheard(threads: int | None) -> Iterator[None]:
    """A trial says nothing, draws nothing from anybody's generator, and leaves threads alone."""
    before, disabled = torch.get_num_threads(), logging.root.manager.disable
    torch.set_num_threads(threads or before)
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(before)
        logging.disable(disabled)


def attempt(
    config: DictConfig,
    folder: Path,
    network: Callable[[Mapping[str, Any]], Path],
    whole_end: bool,
) -> Tried:
    """Build a run, train a few steps, score a few samples, and tell how long all of it takes.

    Args:
        config: of the run, resolved.
        folder: an empty one, in which weights are left that were hardly trained.
        network: the folder of the network of a teacher's role, or of one that stands in for it.
        whole_end: whether to time pictures and all else that is written in the end, too.

    Raises:
        Exception: whatever stops the run itself.
    """
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings: Train = OmegaConf.to_object(config.train)  # type: ignore[assignment]
    wanted = max(2, settings.epochs)  # a schedule wants so many
    settings = replace(settings, epochs=wanted, progress=False, devices=1, nodes=1)
    if "download" in plain["dataset"]:
        plain["dataset"]["download"] = False  # that is left to the run
    asked_live(plain)
    plain["cache"], elsewhere = str(folder / "cache"), 0.0

    def trained(role: Mapping[str, Any]) -> Path:
        nonlocal elsewhere
        start = time.perf_counter()
        try:
            return network(role)
        finally:
            elsewhere += time.perf_counter() - start

    start = time.perf_counter()
    parts = gather(plain, settings, folder, trained, who="trial")
    course = course_of(parts, begin(parts))
    took = time.perf_counter() - start - elsewhere
    epochs = course.start.settings.epochs
    epoch = _epoch(course)
    test, end = _test(course), _end(course) if whole_end else None
    if not (folder / STUDENT).exists():
        write_weights(folder / STUDENT, course.training.student, plain["student"], parts.data)
    fixed = None if epochs == wanted else epochs
    return Tried(Pace(took, epoch, test, fixed, 1 + len(parts.peers)), end)


def _epoch(course: Course) -> float:
    """Seconds of an epoch."""
    begun, device = course.start, course.parts.device
    if not begun.settings.epochs:
        return 0.0
    steps = Few(begun.train, device)
    val = None if begun.val is None else Few(begun.val, device)
    settings = replace(begun.settings, epochs=1)
    course = replace(course, start=replace(begun, train=steps, val=val, settings=settings))
    start = time.perf_counter()
    course.train()
    beside = time.perf_counter() - start - steps.spent
    if not begun.takes_steps:  # it is fitted at once, to as many samples
        return (beside + steps.spent) * len(steps) / steps.count
    return steps.whole + beside + (val.whole - val.spent if val is not None else 0.0)


def _test(course: Course) -> float:
    """Seconds of a pass over the test split."""
    parts = course.parts
    test = Few(parts.load(parts.data.test), parts.device)
    answering = parts.teacher.on("test") if parts.teacher is not None else None
    evaluate(course.training.student, test, parts.data.task, answering)
    return test.whole


def _end(course: Course) -> tuple[float, float]:
    """Seconds of all that is done beside that pass, and what it took to load it."""
    parts = course.parts
    few = select(parts.data.test, torch.arange(min(SAMPLES, len(parts.data.test))))
    load = replace(parts.load, data=replace(parts.data, test=few))
    course, known = replace(course, parts=replace(parts, load=load)), Judged({}, "")
    start = time.perf_counter()
    finish(course, known)
    first = time.perf_counter() - start
    start = time.perf_counter()
    finish(course, known)
    again = time.perf_counter() - start
    return again, max(0.0, first - again)
