"""The parts of a run, built from plain containers, put together, trained and evaluated."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdrun import notes, phases, plots
from kdrun.builder import Builder
from kdrun.checkpoint import CHECKPOINT, MEAN, load_state, save_state
from kdrun.config import Train
from kdrun.dataset.digest import digest
from kdrun.dataset.summary import summarise, tell
from kdrun.device import device_name
from kdrun.doubt import Judged, judge
from kdrun.evaluate import evaluate, example, peak_memory_mb, ratio
from kdrun.fit import fit
from kdrun.gain import gains, source_accuracy
from kdrun.method import OWN, Method
from kdrun.model.features import Network, inner, is_fitted
from kdrun.progress import epoch_line
from kdrun.results import write_atomic, write_metrics
from kdrun.score import score, write_weights
from kdrun.share import warn_of_idle
from kdrun.table import Value, to_csv
from kdrun.target import without
from kdrun.teacher.network import Frozen
from kdrun.teachers import Role, check
from kdrun.train import Row, Training, average, train
from kdrun.transfer import Source, Strategy
from kdrun.transfer.adaptation import bind
from kdrun.transfer.start import fingerprint

log = logging.getLogger(__name__)

Config = dict[str, Any]
Calls = tuple[Callable[[nn.Module], Row], Callable[[Training], None]]
Join = Callable[[Training, torch.device, Calls], Calls]


class Experiment:
    """One run in memory: `train` it, then `evaluate` it.

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
        self.config, self.settings, self.run_dir, self.who = config, settings, run_dir, who
        phases.read(config["dataset"]["name"], who)
        self.builder = Builder(config, settings)
        self.device, self.dtype = self.builder.device, self.builder.dtype
        self.data = self.builder.data
        self.read = summarise(self.data)
        if who.startswith("student"):  # teachers learn from the same data
            tell(self.read)
        self.builder.check_labels()
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
        self.training = self._training(self._method())
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

    def _method(self) -> Method:
        """Student, teacher and objective, the latter fitted to the outputs of both."""
        objective = self.builder.objective()
        adaptation = self.strategy.adaptation if self.strategy is not None else None
        needs = objective.needs - {"logits"}
        if adaptation is not None:
            needs |= adaptation.needs - {"logits"}
        inner(self.student).keep(needs)
        student = example(self.student, self.train_loader)
        teacher = student
        if self.teacher is not None and self.teacher_role is not None:
            self.teacher.keep(needs)
            teacher = example(self.teacher, self.train_loader)
            check(self.teacher_role["name"], teacher, objective, self.data.classes)
        objective.build(student, teacher, self.train_loader.targets)
        self.student = objective.deploy(self.student)
        if adaptation is not None:
            adaptation.build(student, student, self.train_loader.targets)
            bind(adaptation, self.student, self.builder.loader(self.data.train))
        method: Method = self.builder.call(
            without(self.config["method"], *OWN),
            student=self.student,
            teacher=self.teacher,
            peers=self.builder.peers(),
            objective=objective,
            strategy=self.strategy,
        )
        return method.to(self.device)

    def _training(self, method: Method) -> Training:
        settings = self.settings
        steps = -(-len(self.train_loader) // settings.accumulate) * max(1, settings.epochs)
        optimizer, schedule = self.builder.optimizer(self._parameters(method), steps)
        ema = average(self.student, settings.ema) if settings.ema else None
        return Training(method, optimizer, schedule, ema, self.who)

    def _parameters(self, method: Method) -> list[dict[str, Any]]:
        """What is trained, in groups where a strategy wants other rates for some of it."""
        trained = [p for p in method.parameters() if p.requires_grad]
        if self.strategy is None:
            return [{"params": trained}]
        groups = self.strategy.groups(inner(self.student), self.config["optimizer"]["lr"])
        own = {id(p) for group in groups for p in group["params"]}
        rest = [p for p in trained if id(p) not in own]
        return [*groups, *([{"params": rest}] if rest else [])]

    def facts(self) -> dict[str, str | int | None]:
        """Columns that say on what, and in what, the run was made."""
        precision = "fp32" if self.dtype is None else "bf16"
        return {
            "device": device_name(self.device),
            "precision": precision,
            "epochs": self.settings.epochs,
            "test_hash": digest(self.data.test),
            "split": digest(self.data.train),
        }

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
            training.load(load_state(run_dir / CHECKPOINT))
        phases.train(self.who, self.settings.epochs, len(self.data.train), training.epoch)
        if self.teacher is not None and not goes_on:
            training.method.objective.prepare(self.teacher, self.train_loader)
        if is_fitted(self.student) and not training.epoch:
            fit(training, self.teacher, self.train_loader, self._validate, self._after_epoch)
        if self.settings.compile:
            inner(self.student).net.compile()
        calls: Calls = (self._validate, self._after_epoch)
        if join is not None:
            calls = join(training, self.device, calls)
        train(training, self.train_loader, self.settings, self.config["seed"], *calls)
        if training.best:
            training.student.load_state_dict(training.best["weights"])

    @property
    def _criterion(self) -> str:
        """The column of metrics.csv by which models are chosen."""
        return "val_accuracy" if self.data.classes else "val_r2"

    def _validate(self, student: nn.Module) -> Row:
        row = self.selection.measure(student) if self.selection is not None else {}
        if self.val_loader is None:
            return row | {"val_accuracy": None, "val_nll": None}
        told = evaluate(student, self.val_loader, len(self.data.classes)).metrics
        if not self.data.classes:
            return {"val_accuracy": None, "val_rmse": told["rmse"], "val_r2": told.get("r2")}
        return row | {"val_accuracy": told["accuracy"], "val_nll": told["nll"]}

    def _measure(self, student: nn.Module) -> dict[str, Value]:
        """What a strategy may know of a student: nothing of the test splits."""
        row: dict[str, Value] = {**self._validate(student)}
        source = self.data.source
        if source is not None and source.val is not None and self.data.classes:
            load = self.builder.loader
            row["source_accuracy"] = source_accuracy(student, self.data, source.val, load)
        return row

    def _after_epoch(self, training: Training) -> None:
        if self.selection is not None:
            self.selection.keep(training)
        # The state comes first: metrics.csv is written again from it after any crash.
        save_state(self.run_dir / CHECKPOINT, training.state())
        write_metrics(self.run_dir, training.history)
        row = training.history[-1]
        log.info("%s", epoch_line(self.who, training.history, self.settings.epochs))
        warn_of_idle(training.history, self._idle)
        if self._watch:
            self._watch(row)

    @property
    def _idle(self) -> set[str]:
        """Terms of the loss that have nothing to do."""
        unlabelled = not bool((self.train_loader.targets >= 0).any()) and bool(self.data.classes)
        return {"ce"} if unlabelled else set()

    def shortcomings(self) -> list[str]:
        """What is known before the training to be less than was asked for: see `notes`."""
        adaptation = self.strategy.adaptation if self.strategy is not None else None
        objectives = {"loss": self.training.method.objective, "transfer": adaptation}
        doubts = [self._judged.doubt] if self._judged.doubt else []
        return [*doubts, *notes.shortcomings(objectives, self.settings.epochs)]

    @cached_property
    def _judged(self) -> Judged:
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
        return [*self.shortcomings(), *terms, *answers]

    def evaluate(self) -> dict[str, Any]:
        """Score the student on the test split, once, and write the run's weights and pictures."""
        history = self.training.history
        write_metrics(self.run_dir, history)
        student = self.training.student
        best = self.training.best.get("epoch", len(history))
        chosen = history[best - 1] if history else {}
        if self.strategy is not None:
            if rows := self.strategy.finish(student, self._measure):
                name = self.config["transfer"]["name"]
                write_atomic(self.run_dir / f"{name}.csv", to_csv(rows, leading=list(rows[0])))
                chosen = self._validate(student)
            self.transferred |= self.strategy.report
        metrics = self._score(student, self.config["student"], self.run_dir)
        if self.data.source is not None and self.data.classes:
            accuracy, load = metrics["test_accuracy"], self.builder.loader
            metrics |= gains(student, self.untouched, self.data, load, accuracy)
        metrics[self._criterion] = chosen.get(self._criterion)
        metrics |= self._judged.columns
        plots.curves(history, self.run_dir / "curves.png")
        return metrics

    def evaluate_peers(self) -> Iterator[tuple[Path, Role, dict[str, Any]]]:
        """Score the networks that were trained beside the student, each in a folder of its own."""
        for name, role in self.builder.peer_roles().items():
            folder = self.run_dir.with_name(f"{self.run_dir.name}_{name}")
            folder.mkdir(exist_ok=True)
            peer = self.training.method.get_submodule(f"peers.{name}")
            last = {self._criterion: self._validate(peer).get(self._criterion)}
            yield folder, role, self._score(peer, role, folder) | last

    def _score(self, student: nn.Module, role: Role, run_dir: Path) -> dict[str, Any]:
        phases.score(f"{self.who.partition(' ')[0]} {role['name']}", len(self.data.test))
        mean = self.training.method.grown()
        grown = Frozen(mean) if mean is not None else None
        metrics, self.predicted = score(
            student,
            role,
            run_dir,
            self.data,
            self.builder.loader(self.data.test),
            self.teacher or grown,
            self.settings.batch_size,
            self.device,
        )
        if mean is not None:
            write_weights(run_dir / MEAN, mean, role, self.data)
        seconds = sum(float(row["seconds"] or 0) for row in self.training.history)
        seen = len(self.data.train) * len(self.training.history)
        return metrics | {
            "train_seconds": self.transfer_seconds + seconds,
            "samples_per_second": ratio(seen, seconds),
            "peak_memory_mb": peak_memory_mb(self.device),
        }
