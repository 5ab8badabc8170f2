"""The parts of a run, built from plain containers, put together, trained and evaluated."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdrun.config.schema import Train
from kdrun.dataset.digest import digest
from kdrun.dataset.summary import summarise, tell
from kdrun.device import device_name, precision
from kdrun.files.checkpoint import save_state
from kdrun.model.features import Network, inner, is_fitted
from kdrun.results.record import write_metrics
from kdrun.results.table import Value
from kdrun.run import notes
from kdrun.run.assembly import assemble
from kdrun.run.begun import in_its_format, restore
from kdrun.run.builder import Builder
from kdrun.run.folder import CHECKPOINT
from kdrun.run.share import warn_of_idle
from kdrun.score.evaluate import evaluate
from kdrun.score.gain import source_accuracy
from kdrun.teacher.building import Role
from kdrun.teacher.doubt import Judged, judge
from kdrun.teacher.network import Frozen
from kdrun.terminal import phases
from kdrun.terminal.progress import epoch_line
from kdrun.train import Row, Training, train
from kdrun.train.fit import fit
from kdrun.transfer import Source, Strategy
from kdrun.transfer.start import fingerprint

log = logging.getLogger(__name__)

Config = dict[str, Any]
Calls = tuple[Callable[[nn.Module], Row], Callable[[Training], None]]
Join = Callable[[Training, torch.device, Calls], Calls]


class Experiment:
    """One run in memory: `train` it, then `finish` it (`kdrun.run.finish`).

    Attributes:
        threads: of the run's process, of which ranks have a share.

    Args:
        config: the run's config as plain containers, interpolations resolved.
        settings: its `train` section.
        run_dir: where its files go.
        train_teacher: trains the network of a teacher's role if nobody has, and returns the
            folder of that run.
        who: what is trained, for those who read along: `teacher resnet50`.

    Raises:
        ValueError: the data are not as the config says, or do not fit the models.
    """

    def __init__(
        self,
        config: Config,
        settings: Train,
        run_dir: Path,
        train_teacher: Callable[[Role], Path],
        who: str = "student",
    ) -> None:
        self.settings = settings = in_its_format(settings, run_dir)
        self.config, self.run_dir, self.who = config, run_dir, who
        self.threads = torch.get_num_threads()
        phases.read(config["dataset"]["name"], who)
        self.builder = Builder(config, settings)
        self.device, self.dtype = self.builder.device, self.builder.dtype
        self.data = self.builder.data
        self.read = summarise(self.data)
        if who.startswith("student"):  # teachers learn from the same data
            tell(self.read, config["job"]["command"])
        self.builder.check_labels()
        self.builder.objective().check(self.data.task)
        self.train_loader = self.builder.loader(self.data.train, training=True)
        self.val_loader = self.builder.loader(self.data.val) if self.data.val else None
        # The student first: what is wrong with it is told before a teacher is trained for it.
        self.student: nn.Module = self.builder.student()
        self.teacher: Frozen | None = None
        self.teacher_role = self.builder.teacher_role()
        if self.teacher_role is not None:
            self.teacher = self.builder.teacher(self.teacher_role, train_teacher, self.val_loader)
        self.student = self.builder.on_teacher(self.student, self.teacher)
        self.transfer_seconds = 0.0
        self.transferred: dict[str, Any] = {}
        self.strategy = self.builder.strategy()
        self.untouched: nn.Module | None = None
        if self.strategy is not None:
            source = self.builder.source(train_teacher)
            self.student = self._transfer(self.strategy, source)
        if (role := self.builder.untouched_role()) is not None:
            self.untouched = self.builder.teacher(role, train_teacher, self.val_loader)
        if is_fitted(self.student):
            self.settings = replace(self.settings, epochs=1, ema=0.0, early_stop=None)
        self.predicted: dict[str, int] = {}
        # Again, so that adapters do not depend on whether others were trained just now.
        torch.manual_seed(config["seed"])
        self.training = assemble(
            self.builder,
            self.student,
            self.teacher,
            self.strategy,
            self.train_loader,
            self.settings,
            who,
        )
        self.student = self.training.method.student
        self.selection = self.builder.selection(self.strategy, self.student)

    def _transfer(self, strategy: Strategy, source: Source | None) -> Network:
        """The student with what the source could teach it."""
        assert isinstance(self.student, Network)
        phases.transfer(self.config["transfer"]["name"], self.config["student"]["name"])
        begin = time.perf_counter()
        target = self.builder.loader(self.data.train)
        try:
            strategy.check(self.student)
            if source is not None:
                self.untouched = strategy.untouched(self.student, source, target)
            student = strategy(self.student, source, target)
        except ValueError as error:
            raise ValueError(f"transfer {self.config['transfer']['name']}: {error}") from error
        if strategy.epochs is not None:
            self.settings = replace(self.settings, epochs=strategy.epochs)
        if strategy.paired:
            self.train_loader = self.builder.paired(self.train_loader)
        self.dtype = student.dtype
        self.transferred = {"start": fingerprint(student)}
        self.transfer_seconds = time.perf_counter() - begin
        return student

    def facts(self) -> dict[str, str | int | None]:
        """Columns that say on what, and in what, the run was made."""
        return {
            "device": device_name(self.device),
            "precision": precision(self.dtype),
            "threads": self.threads,
            "epochs": self.settings.epochs,
            "test_hash": digest(self.data.test),
            "split": digest(self.data.train),
        }

    def _begun(self) -> dict[str, str | int]:
        """What a checkpoint tells, so that the run goes on in it: `checkpoint.Begun`."""
        return {"precision": precision(self.builder.dtype), "threads": self.threads}

    @property
    def takes_steps(self) -> bool:
        """Whether the student is trained by the loop, not fitted at once."""
        return not is_fitted(self.student) and self.settings.epochs > 0

    def train(
        self,
        watch: Callable[[dict[str, Any]], None] | None = None,
        join: Join | None = None,
    ) -> None:
        """Train to the end, from the last complete epoch if there is one.

        Args:
            watch: told the row of metrics.csv after each epoch; what it raises ends the training.
            join: makes this process one of several that train together.
        """
        self._watch = watch
        training, run_dir = self.training, self.run_dir
        if goes_on := (run_dir / CHECKPOINT).exists():
            restore(training, run_dir / CHECKPOINT)
        phases.train(self.who, self.settings.epochs, len(self.data.train), training.epoch)
        if self.teacher is not None and not goes_on:
            training.method.objective.prepare(self.teacher, self.train_loader)
        if is_fitted(self.student) and not training.epoch:
            fit(training, self.teacher, self.train_loader, self.validate, self._after_epoch)
        if self.settings.compile:
            inner(self.student).net.compile()
        calls: Calls = (self.validate, self._after_epoch)
        if join is not None:
            calls = join(training, self.device, calls)
        train(training, self.train_loader, self.settings, self.config["seed"], *calls)
        if training.best:
            training.student.load_state_dict(training.best["weights"])

    @property
    def criterion(self) -> str:
        """The column of metrics.csv by which models are chosen."""
        return f"val_{self.data.task.criterion}"

    def validate(self, student: nn.Module) -> Row:
        """Columns of metrics.csv about a student, from the validation split."""
        row = self.selection.measure(student) if self.selection is not None else {}
        if self.val_loader is None:
            return row | self.data.task.validated(None)
        told = evaluate(student, self.val_loader, self.data.task).metrics
        return row | self.data.task.validated(told)

    def measure(self, student: nn.Module) -> dict[str, Value]:
        """What a strategy may know of a student: nothing of the test splits."""
        row: dict[str, Value] = {**self.validate(student)}
        source = self.data.source
        if source is not None and source.val is not None and self.data.task.named:
            load = self.builder.loader
            row["source_accuracy"] = source_accuracy(student, self.data, source.val, load)
        return row

    def _after_epoch(self, training: Training) -> None:
        if self.selection is not None:
            self.selection.keep(training)
        # The state comes first: metrics.csv is written again from it after any crash.
        save_state(self.run_dir / CHECKPOINT, training.state() | self._begun())
        write_metrics(self.run_dir, training.history)
        row = training.history[-1]
        log.info("%s", epoch_line(self.who, training.history, self.settings.epochs))
        warn_of_idle(training.history, self._idle)
        if self._watch:
            self._watch(row)

    @property
    def _idle(self) -> set[str]:
        """Terms of the loss that have nothing to do."""
        unlabelled = not bool(self.data.task.known(self.train_loader.targets).any())
        return {"ce"} if unlabelled else set()

    def shortcomings(self) -> list[str]:
        """What is known before the training to be less than was asked for: see `notes`."""
        adaptation = self.strategy.adaptation if self.strategy is not None else None
        objectives = {"loss": self.training.method.objective, "transfer": adaptation}
        doubts = [self.judged.doubt] if self.judged.doubt else []
        return [*doubts, *notes.shortcomings(objectives, self.settings.epochs)]

    @cached_property
    def judged(self) -> Judged:
        """What the teacher knows of labelled samples that the student is not tested on."""
        if self.teacher is None or self.teacher_role is None:
            return Judged({}, "")
        return judge(
            self.teacher_role["name"],
            self.teacher,
            self.data,
            self.val_loader,
            self.builder.loader,
            foreign=bool(self.builder.told),
        )

    def notes(self, metrics: dict[str, Any]) -> list[str]:
        """What a reader of the metrics must know, a sentence each."""
        terms = notes.small_terms(self.training.history, self._idle)
        answers = notes.answers(metrics, self.predicted, self.data.test.targets)
        return [*self.shortcomings(), *terms, *answers, *notes.measured(metrics)]
