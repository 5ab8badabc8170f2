"""What is predicted: all in which one label a sample, a value, or whatever else differ.

A task is a value, made of the names of its classes and of what its yaml says. Nothing outside of
this folder asks which one it is. Imports no torch, so that tables read their metrics without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kdrun.task.metrics import Metric
from kdrun.task.tally import Doubt as Doubt
from kdrun.task.tally import Rows as Rows
from kdrun.task.tally import Scores as Scores
from kdrun.task.tally import Tally as Tally

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from kdrun.batch import Batch, Outputs, Shape


@dataclass(frozen=True)
class Task:
    """One way to predict. A subclass says what differs; frozen, so that it is a value.

    A subclass is a frozen dataclass, whose fields beside `classes` are the arguments of its yaml.
    It names its `metrics`, and writes `width`, `supervised`, `tally` and `answers`; the rest has
    the answer of a task without classes, whose targets are (N, ...) numbers, all of them known.

    Attributes:
        classes: what they are called; empty where there are none.
        name: of the task, as typed.
        metrics: of a split, measured by its tally; a column is `test_NAME` or `val_NAME`.
        beside: those measured of a split with a teacher beside; a column is called as they are.
        criterion: by which epochs and models are chosen on the validation split.
        headline: which a table shows and compares first.
        watched: those that metrics.csv has of the validation split after each epoch.
        named: whether the columns of logits are the classes, and can be matched by their names
            between teachers, domains and tables.
        classifies: whether each sample is of one of the classes, which can then be balanced,
            hidden, and matched between domains.
        spatial: whether targets are (N, H, W) classes of a picture's pixels, which go where those
            go when it is augmented.
        boxed: whether they are (N, M, 6) boxes in a picture, likewise.
        rowless: why losses between logits have nothing to compare, and what to take; or empty.
        uncounted: why `rows` have to wait for the device; empty where they need not.
    """

    classes: tuple[str, ...] = ()

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    beside: ClassVar[tuple[Metric, ...]] = ()
    criterion: ClassVar[str]
    headline: ClassVar[str]
    watched: ClassVar[tuple[str, ...]]
    named: ClassVar[bool] = False
    classifies: ClassVar[bool] = False
    spatial: ClassVar[bool] = False
    boxed: ClassVar[bool] = False
    rowless: ClassVar[str] = ""
    uncounted: ClassVar[str] = ""

    # What the network must give.

    @property
    def width(self) -> int:
        """`num_classes` of a network's yaml: the width of its output."""
        raise NotImplementedError

    def check(self, logits: object, shape: Shape) -> None:
        """Refuse a network whose output for two samples is not of the task's form.

        Args:
            logits: what it gave.
            shape: of a sample.

        Raises:
            ValueError: so it is; the message says what was given, and what is needed.
        """
        size = getattr(logits, "shape", None)
        got = type(logits).__name__ if size is None else tuple(size)
        if got != (2, self.width):
            raise ValueError(
                f"gives {got} for two samples of shape {shape}, needed is (2, {self.width})"
            )

    # The form of targets.

    def accept(self, targets: Tensor) -> None:
        """Refuse training targets that are not in the task's form.

        Raises:
            ValueError: they are not; the message says what they are.
        """

    def unit(self, targets: Tensor) -> tuple[float, float]:
        """Mean and deviation of what a network is to say; 0 and 1 where it says so by itself."""
        return 0.0, 1.0

    def strata(self, targets: Tensor) -> Tensor:
        """(N,) int64: the group of each sample whose proportions every cut keeps."""
        return targets.new_zeros(len(targets)).long()

    def known(self, targets: Tensor) -> Tensor:
        """(N,) bool: which targets are known."""
        return targets.new_ones(len(targets)).bool()

    def count(self, targets: Tensor, labelled: bool) -> int | Tensor:
        """Over how many rows a term is a mean, where several batches make one step.

        Args:
            targets: of a batch.
            labelled: whether those without a label do not count. A number that has to be asked of
                the device stays there.
        """
        return len(targets)

    def hidden(self, targets: Tensor) -> Tensor:
        """The same targets with none of them known.

        Raises:
            ValueError: they cannot be hidden.
        """
        raise ValueError("only classes can be hidden; give all.")

    def soft(self, targets: Tensor) -> Tensor:
        """Targets of which a weighted mean of two is a target, as mixup wants them.

        Raises:
            ValueError: there are no such; the message says what to set.
        """
        raise ValueError("augment.mixup needs class labels and their number: set it to 0.")

    def present(self, targets: Tensor) -> dict[str, Any]:
        """What a summary of the data tells of targets, as plain values; empty for nothing."""
        return {}

    # Learning.

    def scale(self, targets: Tensor) -> float:
        """By what the supervised term is divided, from all training targets."""
        return 1.0

    def supervised(
        self, outputs: Outputs, batch: Batch, smoothing: float = 0.0, scale: float = 1.0
    ) -> Tensor:
        """The term between outputs and labels that every method has, `ce`: a scalar.

        Args:
            outputs: of the student.
            batch: with its targets; it is a mean over those that are known, zero if none is.
            smoothing: of labels, if they are classes.
            scale: from `scale`.
        """
        raise NotImplementedError

    def rows(self, student: Outputs, teacher: Outputs, batch: Batch) -> Rows:
        """The comparable rows of both: what losses between logits get instead of the batch.

        Where both are (N, C) already, a row is a sample.
        """
        return Rows(student.logits, teacher.logits, batch.target)

    def compares(self, fields: set[str]) -> None:
        """Refuse a term that reads these fields of `Outputs`, if it cannot: ValueError."""

    # Scores.

    def tally(self) -> Tally:
        """A fresh count."""
        raise NotImplementedError

    def judge(self, metrics: Mapping[str, float], targets: Tensor, where: str) -> Doubt | None:
        """What these metrics of a teacher say against it; None where nothing can be said.

        Args:
            metrics: of a teacher on labelled samples.
            targets: theirs.
            where: the split they are of, in a word.
        """
        return None

    def measured(
        self, student: nn.Module, batches: Iterable[Batch], folder: Path
    ) -> dict[str, float]:
        """What more is measured of a student in evaluation mode; tables go into the folder."""
        return {}

    # Answers.

    def reading(self, reader: Mapping[str, Any] | None) -> Self:
        """The same, knowing how new files are read for the student: `Dataset.reader`."""
        return self

    def said(
        self, network: nn.Module, batch: Batch, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """The cells of each sample of a batch that a network is asked about."""
        return self.answers(self.shown(network(batch), batch), names, folder)

    def columns(self) -> list[str]:
        """The columns of `kdrun predict` beside the one that names the sample."""
        raise NotImplementedError

    def answers(
        self, outputs: Outputs, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """The cells of each sample of a batch, by `columns`.

        Args:
            outputs: of the student for N samples.
            names: of the samples.
            folder: where answers that are files go, which a cell then names; None where the table
                goes to the terminal.

        Raises:
            ValueError: the answers are files, and there is no folder for them.
        """
        raise NotImplementedError

    def shown(self, outputs: Outputs, batch: Batch) -> Outputs:
        """Outputs as they are written down: maps, for one, as large as what they are of."""
        return outputs

    def labels(self, targets: Tensor) -> list[str]:
        """The label of each sample as text; empty where none is known."""
        return [f"{value:.6g}" if value == value else "" for value in targets.tolist()]

    def decisions(self) -> list[str]:
        """What the columns of a table of logits are called, which a teacher=recorded reads.

        Raises:
            ValueError: such a table has no room for the answers of this task.
        """
        raise ValueError(f"a table of decisions is about classes, and the task is {self.name}")

    # What everything else asks.

    @property
    def described(self) -> dict[str, Any]:
        """Its `_target_` and arguments, which give it back beside the names of its classes."""
        cls = type(self)
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "classes"}
        return {"_target_": f"{cls.__module__}.{cls.__qualname__}", **own}

    def over(self, classes: Sequence[str]) -> Self:
        """The same over other classes."""
        return replace(self, classes=tuple(classes))

    def metric(self, name: str) -> Metric:
        """One of `metrics`, by its name."""
        return next(metric for metric in self.metrics if metric.name == name)

    def column(self, name: str) -> str:
        """The column of results.csv of a metric that was measured on the test split."""
        return name if any(name == metric.name for metric in self.beside) else f"test_{name}"

    def score(self, row: Mapping[str, Any]) -> float | None:
        """How good a row of metrics.csv is, more for better; None where it was not measured."""
        value = row.get(f"val_{self.criterion}")
        if value is None:
            return None
        return -float(value) if self.metric(self.criterion).less_is_better else float(value)

    def rank(self, row: Mapping[str, Any]) -> tuple[float, ...]:
        """As `score`, and of equals by what else was watched; 0 for what was not measured."""
        found = [self.score(row) or 0.0]
        for name in self.watched:
            if name != self.criterion:
                sign = -1.0 if self.metric(name).less_is_better else 1.0
                found.append(sign * float(row.get(f"val_{name}") or 0.0))
        return tuple(found)

    def validated(self, metrics: Mapping[str, float] | None) -> dict[str, float | None]:
        """The columns of metrics.csv of a validation split; None for each without one."""
        return {f"val_{name}": (metrics or {}).get(name) for name in self.watched}

    def record(self) -> dict[str, Any]:
        """What record.json says of it, so that tables are read without it: `name`; the columns
        `criterion` and `headline`; `columns`, each with `unit`, `better` (more, less), `meaning`.
        """
        columns = {f"test_{metric.name}": metric for metric in self.metrics}
        for name in dict.fromkeys((*self.watched, self.criterion)):
            columns[f"val_{name}"] = self.metric(name)
        columns |= {metric.name: metric for metric in self.beside}
        return {
            "name": self.name,
            "criterion": f"val_{self.criterion}",
            "headline": f"test_{self.headline}",
            "columns": {
                name: {"unit": one.unit, "better": one.better, "meaning": one.meaning}
                for name, one in columns.items()
            },
        }
