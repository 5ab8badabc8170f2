"""Named, weighted loss terms: what a method hands to the loop."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.members import EachMember
from kdrun.loss.weight import Weight
from kdrun.model.features import Student
from kdrun.task import Task, portions
from kdrun.types import Batch, Loader, Outputs


class Objective(nn.Module):
    """The terms of a loss, each with its weight at this moment of the training.

    Args:
        terms: by name; those without a weight are left out.
        weights: by the same names.
        task: what is predicted, which says what the terms between logits compare; None: each
            sample has one row of them.
    """

    def __init__(
        self,
        terms: Mapping[str, Loss],
        weights: Mapping[str, Weight],
        task: Task | None = None,
    ) -> None:
        super().__init__()
        self.task = task
        for term in terms.values():
            term.task = task
        self.terms = nn.ModuleDict({name: terms[name] for name in weights})
        self.weights = dict(weights)
        self.now: dict[str, float | Tensor] = {}
        self.at(0.0, 1)

    @property
    def needs(self) -> set[str]:
        """The fields of `Outputs` that some term reads."""
        return {field for term in self.losses().values() for field in term.needs}

    @property
    def capturable(self) -> bool | str:
        """Whether a step can be recorded with what terms compare, or why it cannot."""
        rows = any(by_rows(term) and not term.teacher_free for term in self.losses().values())
        return (rows and self.task is not None and self.task.uncounted) or True

    def losses(self) -> dict[str, Loss]:
        """The terms by name."""
        return {name: term for name, term in self.terms.items() if isinstance(term, Loss)}

    def check(self, task: Task) -> None:
        """Let each term and what is predicted object to each other: `Loss.check`, `Task.compares`,
        `Task.rowless`."""
        for name, term in self.losses().items():
            try:
                if task.rowless and by_rows(term):
                    raise ValueError(task.rowless)
                task.compares(set(term.needs))
                term.check(len(task.classes))
            except ValueError as error:
                raise ValueError(f"loss.terms.{name}: {error}") from error

    @property
    def possible(self) -> list[str]:
        """The names of the terms that count at some time, in the order of `forward`."""
        return [name for name, weight in self.weights.items() if weight.value or weight.initial]

    def meet(self, student: nn.Module, teacher: nn.Module) -> None:
        """Let every term see the networks: `Loss.meet`."""
        for name, term in self.losses().items():
            try:
                term.meet(student, teacher)
            except ValueError as error:
                raise ValueError(f"loss.terms.{name}: {error}") from error

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the adapters of every term: `Loss.build`.

        Of an ensemble, a term that reads more than logits gets adapters for every member.
        """
        for name, term in self.losses().items():
            try:
                if teacher.members and set(term.needs) - {"logits"}:
                    self.terms[name] = term = EachMember(term)
                term.build(student, teacher, targets)
            except ValueError as error:
                raise ValueError(f"loss.terms.{name}: {error}") from error

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Let every term learn from the teacher alone: `Loss.prepare`."""
        for term in self.losses().values():
            term.prepare(teacher, loader)

    def deploy(self, student: Student) -> Student:
        """The network to train, with what the terms put around the student: `Loss.deploy`."""
        for term in self.losses().values():
            student = term.deploy(student)
        return student

    def at(self, epoch: float, epochs: int) -> None:
        """Say how far the training is, `epoch` of `epochs`: schedules follow it.

        Raises:
            ValueError: no term counts at that time.
        """
        self.now = {
            name: weight(epoch) for name, weight in self.weights.items() if weight.counts(epoch)
        }
        if not self.now:
            raise ValueError(
                f"loss.weights: in epoch {int(epoch) + 1} no term counts; give one a weight there"
            )
        for term in self.losses().values():
            term.progress = epoch / epochs

    def by_labels(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The weighted terms that read no teacher, in one sum; zero if none counts now."""
        compared = Compared(self.task, outputs, outputs, batch)
        terms = [
            _times(weight, weighted(term, *compared.by(term)))
            for name, weight in self.now.items()
            if (term := self.losses()[name]).teacher_free
        ]
        return torch.stack(terms).sum() if terms else outputs.logits.sum() * 0.0

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> dict[str, Tensor]:
        """The weighted terms by name; one that does not count now is not computed."""
        losses, compared = self.losses(), Compared(self.task, student, teacher, batch)
        return {
            name: _times(weight, compared.value(losses[name])) for name, weight in self.now.items()
        }

    def labelled(self, name: str) -> bool:
        """Whether a term is a mean over the samples with a label."""
        return name in self.terms and bool(self.losses()[name].labelled)

    def remember(self) -> None:
        """Let every term keep what it keeps of a batch: `Loss.remember`."""
        for term in self.losses().values():
            term.remember()


def by_rows(term: Loss) -> bool:
    """Whether a term compares rows of logits: it reads these alone, and in no form of its own."""
    return term.compares_rows and set(term.needs) == {"logits"}


class Compared:
    """What the terms of an objective compare of one batch; rows are made once, if one asks.

    Args:
        task: what is predicted; None: each sample is a row.
        student: its outputs for the batch,
        teacher: and those it is held against.
        batch: with the targets.
    """

    def __init__(self, task: Task | None, student: Outputs, teacher: Outputs, batch: Batch) -> None:
        self.task, self.whole = task, (student, teacher, batch)
        self._rows: tuple[Outputs, Outputs, Batch] | None = None

    def value(self, term: Loss) -> Tensor:
        """One term, in portions of samples where they come to very many scores."""
        student, teacher, _ = self.whole
        few = portions.whole(student.logits) or teacher.weight is not None or teacher.members
        if self.task is None or not term.by_row or not by_rows(term) or few:
            return weighted(term, *self.by(term))
        return self._in_portions(self.task, term)

    def _in_portions(self, task: Task, term: Loss) -> Tensor:
        """The mean of a term over rows that are never there all at once."""
        student, teacher, batch = self.whole
        counts: list[int] = []

        def summed(own: Tensor, taught: Tensor, places: Tensor) -> Tensor:
            rows = task.rows(Outputs(own), Outputs(taught), take_batch(batch, places))
            counts.append(len(rows.labels))
            if not counts[-1]:
                return own.sum() * 0.0
            value: Tensor = term(Outputs(rows.student), Outputs(rows.teacher), batch)
            return value * counts[-1]

        places = torch.arange(len(student.logits), device=student.logits.device)
        found = portions.total(summed, student.logits, teacher.logits, places)
        return found / max(sum(counts), 1)

    def by(self, term: Loss) -> tuple[Outputs, Outputs, Batch]:
        """What one term is called with."""
        if self.task is None or not by_rows(term):
            return self.whole
        if self._rows is None:
            self._rows = _as_rows(self.task, *self.whole)
        return self._rows


def _as_rows(
    task: Task, student: Outputs, teacher: Outputs, batch: Batch
) -> tuple[Outputs, Outputs, Batch]:
    """Outputs of M rows with a batch of M labels; as they are, where a row is a sample."""
    rows = task.rows(student, teacher, batch)
    if rows.of is None:
        return student, teacher, batch
    own = Outputs(rows.student)
    taught = Outputs(rows.teacher, weight=rows.weight)
    return own, taught, Batch(batch.input, rows.labels, batch.index[rows.of])


def _times(weight: float | Tensor, value: Tensor) -> Tensor:
    """A weighted term; the weight is a tensor while a step is recorded."""
    return (weight.to(value.dtype) if isinstance(weight, Tensor) else weight) * value


def weighted(term: Loss, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
    """A term over samples whose teacher's answers count differently: `Outputs.weight`.

    A term is a mean over samples, so the samples of each weight are compared among themselves and
    add to it by their number and weight. Those of weight zero are left out.
    """
    if teacher.weight is None or term.teacher_free:
        value: Tensor = term(student, teacher, batch)
        return value
    total = student.logits.sum() * 0.0
    for weight in teacher.weight.unique().tolist():
        if weight:
            rows = (teacher.weight == weight).nonzero().squeeze(1)
            part = term(take(student, rows), take(teacher, rows), take_batch(batch, rows))
            total = total + weight * len(rows) / len(teacher.weight) * part
    return total


def take(outputs: Outputs, rows: Tensor) -> Outputs:
    """The outputs for some samples of a batch."""
    return outputs.map(lambda field: field[rows])


def take_batch(batch: Batch, rows: Tensor | slice) -> Batch:
    """Some samples of a batch."""
    return batch._replace(source=None).map(lambda tensor: tensor[rows])
