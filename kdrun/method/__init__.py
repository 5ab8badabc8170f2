"""How a student is trained: methods turn a batch into named, weighted losses."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from kdrun.model.features import Student
from kdrun.model.fitted import fitted
from kdrun.objective import Objective
from kdrun.task import Task
from kdrun.types import Batch


class Method(nn.Module):
    """What the loop sees: `method(batch) -> {name: weighted loss}`.

    A subclass keeps the network that is trained as `student`, and writes `forward`.
    """

    student: Student
    objective: Objective

    capturable: bool | str = True
    """Whether a step of it can be recorded and repeated on a GPU, or why not: as a loss's."""

    reads_answers: ClassVar[bool] = False
    """Whether the student's input is what the teacher says, (N, C), instead of the sample."""

    writes: ClassVar[bool] = False
    """Whether the training targets are completions that the teacher writes first, by the arguments
    `beams` and `temperature`."""

    shares: ClassVar[bool] = False
    """Whether its losses of a batch are made of what the networks say of each sample alone, so that
    several processes may each do with some of them: `kdrun.parallel.summed`."""

    live: ClassVar[bool] = False
    """Whether the teacher is asked about other samples than those of the data, which none of its
    kept answers is about."""

    @classmethod
    def suits(cls, task: Task) -> None:
        """Refuse a task that the method is not for, before anything is trained.

        Raises:
            ValueError: it is none; the message says what to take.
        """

    def terms(self) -> list[str]:
        """The names of all losses that `forward` may give in some epoch, in its order."""
        return self.objective.possible

    def at(self, epoch: float, epochs: int) -> None:
        """Say how far the training is; called before every batch."""
        self.objective.at(epoch, epochs)

    def begin_epoch(self, epoch: int) -> None:
        """Called before the first batch of every epoch, by a resumed run too."""
        teacher = getattr(self, "teacher", None)
        if teacher is not None and hasattr(teacher, "begin_epoch"):
            teacher.begin_epoch(epoch)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted losses of a batch, by term."""
        raise NotImplementedError

    def over(self, term: str, batch: Batch) -> tuple[Tensor, bool]:
        """What a loss of `forward` is the mean over.

        Returns:
            The targets of some samples of the batch, and whether those without a label count not.
        """
        return batch.target, self.objective.labelled(term)

    def objectives(self) -> list[Objective]:
        """All whose terms `forward` computes."""
        return [self.objective]

    @property
    def asks(self) -> bool:
        """Whether a step asks the teacher, if there is one."""
        return True

    def after_backward(self) -> None:
        """Called after the backward pass of every batch."""
        for objective in self.objectives():
            objective.remember()

    def after_step(self) -> None:
        """Called after every step of the optimizer."""

    def grown(self) -> Student | None:
        """The teacher that grew with the student, to be measured beside it."""
        return None


def require(method: str, objective: Objective, *networks: Student) -> None:
    """Refuse what a method cannot use whose teacher grows, or is made up, in each step.

    Args:
        method: its name.
        objective: whose terms may read no more of a teacher than logits.
        networks: that are trained; none may be of those that are fitted at once.

    Raises:
        ValueError: it names the term, or the network.
    """
    for network in networks:
        if fitted(network) is not None:
            raise ValueError(
                f"method {method} trains by steps, and {type(network.inner.net).__name__} is "
                "fitted at once; choose a network, or method=distill"
            )
    for name, term in objective.losses().items():
        if more := set(term.needs) - {"logits"}:
            raise ValueError(
                f"loss.terms.{name} reads {' and '.join(sorted(more))}, and method {method} "
                "compares logits alone; choose a loss such as kd"
            )
