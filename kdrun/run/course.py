"""Stage 3 of 4 on its way: a training taken to its end, looked at and saved after each epoch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from kdrun.device import precision
from kdrun.files.checkpoint import save_state
from kdrun.model.features import Student
from kdrun.model.fitted import fitted
from kdrun.parallel.turns import Turn
from kdrun.results.record import write_metrics
from kdrun.results.table import Value
from kdrun.run.asked import Watch
from kdrun.run.assembly import assemble, selection
from kdrun.run.begun import restore
from kdrun.run.folder import CHECKPOINT
from kdrun.run.parts import Parts
from kdrun.run.share import warn_of_idle
from kdrun.run.start import Start
from kdrun.score.evaluate import evaluate
from kdrun.score.gain import source_accuracy
from kdrun.teacher.asked import AskedOnce
from kdrun.teacher.in_common import InCommon
from kdrun.terminal import phases
from kdrun.terminal.progress import epoch_line
from kdrun.train import Row, Training, train
from kdrun.train.fit import fit
from kdrun.train.selection import Selection

log = logging.getLogger(__name__)

Calls = tuple[Callable[[Student], Row], Callable[[Training], None]]
Join = Callable[[Training, torch.device, Calls], Calls]


@dataclass(frozen=True)
class Course:
    """A training from its begin, or its last complete epoch, to its end.

    Attributes:
        parts: of the run.
        start: what the training begins with.
        training: all that changes.
        selection: what tells which epoch of an unsupervised adaptation counts; None for others.
        threads: of the run's process, of which ranks have a share.
    """

    parts: Parts
    start: Start
    training: Training
    selection: Selection | None
    threads: int

    def train(
        self, watch: Watch | None = None, join: Join | None = None, turn: Turn | None = None
    ) -> None:
        """Train to the end.

        Args:
            watch: told the row of metrics.csv after each epoch; what it raises ends the training.
            join: makes this process one of several that train together.
            turn: of one of several trainings in this process.
        """
        training, parts, start = self.training, self.parts, self.start
        checkpoint, settings = parts.run_dir / CHECKPOINT, start.settings
        if goes_on := checkpoint.exists():
            restore(training, checkpoint)
        phases.train(parts.who, settings.epochs, len(parts.data.train), training.epoch)
        if parts.teacher is not None and not goes_on:
            training.method.objective.prepare(parts.teacher, start.train)
        calls: Calls = (self.validate, partial(self._after_epoch, watch))
        if (pupil := fitted(training.student)) is not None and not training.epoch:
            fit(training, pupil, parts.teacher, start.train, *calls)
        if settings.compile:
            training.method.student.inner.net.compile()
        if join is not None:
            calls = join(training, parts.device, calls)
        train(training, start.train, settings, parts.seed, *calls, turn=turn)
        if training.best:
            training.student.load_state_dict(training.best["weights"])

    def validate(self, student: Student) -> Row:
        """Columns of metrics.csv about a student, from the validation split."""
        row = self.selection.measure(student) if self.selection is not None else {}
        val, task = self.start.val, self.parts.data.task
        told = None if val is None else evaluate(student, val, task).metrics
        return row | task.validated(told)

    def measure(self, student: Student) -> dict[str, Value]:
        """What a strategy may know of a student: nothing of the test splits."""
        row: dict[str, Value] = {**self.validate(student)}
        data = self.parts.data
        if data.source is not None and data.source.val is not None and data.task.classifies:
            split, load = data.source.val, self.parts.load
            row["source_accuracy"] = source_accuracy(student, data, split, load)
        return row

    @property
    def criterion(self) -> str:
        """The column of metrics.csv by which models are chosen."""
        return f"val_{self.parts.data.task.criterion}"

    @property
    def idle(self) -> set[str]:
        """Terms of the loss that have nothing to do."""
        labelled = bool(self.parts.data.task.known(self.start.train.targets).any())
        return set() if labelled else {"ce"}

    def _after_epoch(self, watch: Watch | None, training: Training) -> None:
        if self.selection is not None:
            self.selection.keep(training)
        if isinstance(self.parts.teacher, AskedOnce | InCommon):
            training.history[-1]["teacher_passes"] = self.parts.teacher.since()
        elif self.parts.teacher is not None and not training.method.asks:
            training.history[-1]["teacher_passes"] = 0.0
        # The state comes first: metrics.csv is written again from it after any crash. What a run
        # goes on in: `checkpoint.Begun`.
        begun = {"precision": precision(self.parts.networks.dtype), "threads": self.threads}
        save_state(self.parts.run_dir / CHECKPOINT, training.state() | begun)
        write_metrics(self.parts.run_dir, training.history)
        epochs = self.start.settings.epochs
        log.info("%s", epoch_line(self.parts.who, training.history, epochs))
        warn_of_idle(training.history, self.idle)
        if watch is not None:
            watch(training.history[-1])


def course_of(parts: Parts, start: Start, threads: int | None = None) -> Course:
    """A training that has not begun.

    Args:
        parts: of the run.
        start: what it begins with.
        threads: of the run's process; None for this one's.

    Raises:
        ValueError: the parts do not fit each other.
    """
    training = assemble(parts, start)
    chosen = selection(parts, training)
    return Course(parts, start, training, chosen, threads or torch.get_num_threads())
