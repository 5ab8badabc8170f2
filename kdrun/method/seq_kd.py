"""Distillation of whole texts: the student learns from what the teacher writes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from kdrun.method import Method
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.task import Task
from kdrun.task.generation import Generation
from kdrun.types import Batch


class SeqKD(Method):
    """Train a student on completions that the teacher wrote for the training prompts.

        y* = the completion that the teacher finds likeliest of those it looks at, for each prompt x
        for each batch:
            step the student down CE(s, y*), or whatever else the loss compares there

    Kim, Rush, 2016. https://arxiv.org/abs/1606.07947

    The teacher writes once, before the training; its texts are kept in a file below the cache. With
    loss=ce it is then not asked again: the paper's sequence-level distillation. With loss=kd the
    student also learns what it says at each token of them, the paper's interpolation of both.
    Validation and test are on the references of the data.

    Args:
        student: from `Batch` to `Outputs`.
        teacher: likewise, frozen: a network that writes.
        objective: terms between the two and what the teacher wrote.
        beams: how many beginnings the teacher keeps in its search; 1 takes the likeliest token each
            time. The paper has 5.
        temperature: above 0 it draws each token, its scores divided by this, instead of searching.
    """

    writes: ClassVar[bool] = True
    shares: ClassVar[bool] = True
    live: ClassVar[bool] = True

    def __init__(
        self,
        student: Student,
        teacher: nn.Module,
        objective: Objective,
        beams: int = 1,
        temperature: float = 0.0,
    ) -> None:
        super().__init__()
        if beams < 1:
            raise ValueError(f"method.beams={beams}: give 1 or more")
        if temperature < 0 or (temperature and beams > 1):
            raise ValueError(
                f"method.temperature={temperature}: give 0, or more than that with method.beams=1"
            )
        self.student = student
        self.teacher = teacher
        self.objective = objective

    @classmethod
    def suits(cls, task: Task) -> None:
        """Refuse what is not written."""
        if not isinstance(task, Generation) or not task.prompted:
            raise ValueError(
                "method=seq_kd lets the teacher complete prompts, and these data have none: take "
                "dataset=pairs, or method=distill"
            )
        task.alone("seq_kd")

    @property
    def asks(self) -> bool:
        """Whether a term reads what the teacher says of its own completions."""
        terms = self.objective.losses()
        return any(not terms[name].teacher_free for name in self.objective.now)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses on what the teacher wrote."""
        said = self.teacher(batch) if self.asks else None
        outputs = self.student(batch)
        losses: dict[str, Tensor] = self.objective(
            outputs, outputs if said is None else said, batch
        )
        return losses
