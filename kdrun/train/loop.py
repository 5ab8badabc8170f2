"""The one loop: it hands batches to a step, and does not know what distillation is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch

from kdrun.config.schema import Train
from kdrun.model.features import Student
from kdrun.parallel.turns import Alone, Turn
from kdrun.task.classification import Classification
from kdrun.terminal import progress
from kdrun.train.capture import choose
from kdrun.train.state import Row, Training
from kdrun.train.step import Step
from kdrun.types import Loader

T = TypeVar("T")


def mixed_seed(seed: int, epoch: int) -> int:
    """One seed for the dropout and the like of an epoch, so that a resumed one draws the same."""
    return int.from_bytes(hashlib.sha256(f"{seed},{epoch}".encode()).digest()[:8], "big") >> 1


def train(
    training: Training,
    loader: Loader,
    settings: Train,
    seed: int,
    validate: Callable[[Student], Row],
    after_epoch: Callable[[Training], None],
    step: Step | None = None,
    turn: Turn | None = None,
) -> None:
    """Train until `settings.epochs` are over, or early stopping has waited long enough.

    Args:
        training: what is trained, at any epoch.
        loader: training batches, on the device of the student.
        settings: of the loop.
        seed: of whatever is drawn at random inside a step.
        validate: student → columns of metrics.csv, such as val_accuracy.
        after_epoch: called when an epoch and its row are complete; saves and reports.
        step: how a step is carried out; None: as the settings say.
        turn: of several trainings that go on step by step; None: it is the only one.

    Raises:
        NonFiniteLossError: before the weights are touched, naming term, epoch and batch.
    """
    step, turn = step or choose(training, loader, settings), turn or Alone()
    while training.epoch < settings.epochs and not _waited(training, settings.early_stop):
        turn.over(training.epoch, 0)
        torch.manual_seed(mixed_seed(seed, training.epoch))
        training.method.train()
        training.method.begin_epoch(training.epoch)
        rate = training.optimizer.param_groups[0]["lr"]
        begin = time.perf_counter() - turn.away
        means = _epoch(training, loader, settings, step, turn)
        seconds = time.perf_counter() - turn.away - begin
        if not training.counts_steps:
            training.scheduler.step()
        training.epoch += 1
        training.step = step.kind
        row: Row = {"epoch": training.epoch, "learning_rate": rate, **means}
        row |= validate(training.student)
        row |= {"seconds": seconds, "samples_per_second": len(loader.targets) / seconds}
        training.history.append(row)
        score = (training.method.objective.task or Classification()).score(row)
        if settings.early_stop and score is not None:
            training.remember_best(score)
        after_epoch(training)


def _waited(training: Training, patience: int | None) -> bool:
    return bool(patience and training.best and training.epoch - training.best["epoch"] >= patience)


def _epoch(training: Training, loader: Loader, settings: Train, step: Step, turn: Turn) -> Row:
    """One pass over the data; returns the mean of each loss term."""
    step.begin(training.epoch)
    seen = progress.batches(
        step.items(training.epoch),
        *(len(loader.targets), training.who, training.history, settings),
        lambda: step.total.item(),
    )
    done = 0
    for group in _groups(seen, settings.accumulate):
        moments = [training.epoch + (done + i) / len(loader) for i in range(len(group))]
        step(group, moments)
        done += len(group)
        turn.over(training.epoch, done)
    return step.means()


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many in a row at a time; the last group may be smaller."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
