"""Distillation on texts of the student's own: the teacher corrects what the student would write."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from kdrun.dataset.random import uniform
from kdrun.method import Method
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.task import Task
from kdrun.task.completions import write
from kdrun.task.decode import Sampled, completed
from kdrun.task.generation import Generation
from kdrun.types import Batch


class OnPolicy(Method):
    """Train a student towards its teacher, in λ of the batches on texts that it writes itself.

        for each batch of prompts x with completions y:
            with probability λ: y ← what the student writes after x, without a gradient
            step the student down the loss between its scores and the teacher's for y

    Agarwal et al., 2024. https://arxiv.org/abs/2306.13649

    What is drawn is a pure function of the seed, the epoch and the position of each sample, so that
    a run that goes on draws the same. Terms that read no teacher, the labels' for one, do not count
    in these batches: nobody knows the right completion there. A text without a prompt is gone on
    with from its half.

    Args:
        student: from `Batch` to `Outputs`, over a model of transformers.
        teacher: likewise, frozen.
        objective: terms between the two and the labels.
        seed: of the run.
        fraction: λ.
        temperature: divides the student's scores before a token is drawn.
    """

    live: ClassVar[bool] = True
    capturable = "its batches are written by the student, token by token"

    def __init__(
        self,
        student: Student,
        teacher: nn.Module,
        objective: Objective,
        seed: int,
        fraction: float = 0.5,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 <= fraction <= 1:
            raise ValueError(f"method.fraction={fraction}: must lie between 0 and 1")
        if not temperature > 0:
            raise ValueError(f"method.temperature={temperature}: must be above 0")
        if fraction and all(term.teacher_free for term in objective.losses().values()):
            raise ValueError(
                "method=on_policy learns from a teacher where the student writes, and no term of "
                "the loss reads one: take loss=jsd, say"
            )
        self.student = student
        self.teacher = teacher
        self.objective = objective
        self.seed, self.fraction, self.temperature = seed, fraction, temperature
        self.epoch = 0

    @classmethod
    def suits(cls, task: Task) -> None:
        """Refuse what is not written."""
        if not isinstance(task, Generation) or task.end < 0:
            raise ValueError(
                f"method=on_policy lets the student write, and task={task.name} has no texts: take "
                "dataset=pairs or dataset=lines, or method=distill"
            )
        task.alone("on_policy")

    def begin_epoch(self, epoch: int) -> None:
        """Draw anew in every epoch."""
        super().begin_epoch(epoch)
        self.epoch = epoch

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses on given completions, or on the student's own."""
        drawn = float(uniform(self.seed, self.epoch, batch.index[:1], "on_policy"))
        own = drawn < self.fraction
        if own:
            batch = self.written(batch)
        teacher = self.teacher(batch)
        losses: dict[str, Tensor] = self.objective(self.student(batch), teacher, batch)
        if own:
            terms = self.objective.losses()
            losses = {n: v * 0.0 if terms[n].teacher_free else v for n, v in losses.items()}
        return losses

    @torch.no_grad()
    def written(self, batch: Batch) -> Batch:
        """The batch with completions of the student's own, written in evaluation mode."""
        task = self.objective.task
        assert isinstance(task, Generation)
        assert isinstance(batch.input, dict)
        target = batch.target if task.prompted else _second_half(batch.target)
        training = self.student.training
        self.student.eval()
        draws = Sampled(self.seed, self.epoch, batch.index, self.temperature, "completion")
        said = write(task, self.student, batch._replace(target=target), draws)
        self.student.train(training)
        inputs, target = completed(batch.input, target, said, task.end)
        return batch._replace(input=inputs, target=target)


def _second_half(target: Tensor) -> Tensor:
    """Targets of which only the second half of each text counts."""
    known = target >= 0
    half = (known.sum(1, keepdim=True) // 2).clamp(min=1)
    return torch.where(known.cumsum(1) > half, target, -1)
