"""Distillation losses, one module each, all with the signature of `Loss`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn

from kdrun.model.features import Student
from kdrun.task import Task
from kdrun.types import Batch, Loader, Outputs


def full(x: Tensor) -> Tensor:
    """Cast half precision up to float32, where sums of squares cannot overflow."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def positive(**settings: float) -> None:
    """Refuse a setting that is not above 0, by its name.

    Raises:
        ValueError: one is not.
    """
    for name, value in settings.items():
        if not value > 0:
            raise ValueError(f"{name}={value}: must be above 0")


class Loss(nn.Module):
    """Compare a student's outputs with a teacher's.

    A subclass names the fields of `Outputs` that it reads in `needs`, and writes `forward`. One
    with trained adapters makes them in `build`, from the shapes of example outputs, so that any
    teacher pairs with any student. Its parameters are trained with the student's and never
    exported. `progress` is the fraction of the training that is over, 0 to 1, set by the loop. One
    that reads only the student and the labels says so by `teacher_free`; one that is a mean over
    the samples with a label, not over all, by `labelled`; one that is for images only, by `images`.
    One that reads logits alone gets them as (M, C) rows, whatever the task is: `Task.rows`. One
    that wants them in the form that the task gives them says `compares_rows = False`. One that is
    the mean over rows of what logits of each say by themselves, without labels, says `by_row`: very
    many rows are then compared in portions. One whose gradient is linear in the softmax of the
    teacher's logits says `linear`: a sample of these will do. `task` is what is predicted, set by
    the run.

    On a GPU a step may be recorded once and repeated (`kdrun.train.capture`). What Python computes
    is then computed once: a number that changes with `progress` is a property, named in `moments`
    and read in `forward` by `moment`. A loss whose `forward` asks the device for a number, or
    draws on the CPU, says by `capturable` why it cannot be recorded; one from outside of kdrun
    that can be says `capturable = True`.
    """

    needs: tuple[str, ...] = ("logits",)
    teacher_free: ClassVar[bool] = False
    moments: ClassVar[tuple[str, ...]] = ()
    labelled: bool = False
    compares_rows: bool = True
    by_row: ClassVar[bool] = False
    linear: bool = False
    task: Task | None = None
    images: ClassVar[bool] = False
    capturable: bool | str = True
    progress: float = 0.0
    standardize: bool = False
    fed: Mapping[str, Tensor] = MappingProxyType({})
    """The numbers named in `moments`, while a step is recorded: float64 on its device."""

    def moment(self, name: str) -> float | Tensor:
        """A number of this moment of the training, named in `moments`."""
        return self.fed[name] if name in self.fed else getattr(self, name)

    def remember(self) -> None:
        """Called after the backward pass of every batch: what is kept of it is written in place."""

    def check(self, classes: int) -> None:
        """Object to a number of classes, before a teacher is trained.

        Args:
            classes: of the labels; 0 where there are none.

        Raises:
            ValueError: the loss has nothing to teach there; the message says what to take.
        """
        if self.standardize and classes == 2:
            raise ValueError(
                "standardize=true leaves every logit of two classes at ±0.71, whatever the network "
                "says, and no gradient: take standardize=false"
            )

    def meet(self, student: nn.Module, teacher: nn.Module) -> None:
        """See the networks themselves, before `build`: for a loss that goes through part of one.

        Args:
            student: which is to be trained.
            teacher: from `Batch` to `Outputs`, frozen. What a loss keeps of either is not its own:
                it is in a tuple, so that it is neither trained nor saved with the loss.
        """

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size adapters and memories. Called once, before the optimizer exists.

        Args:
            student: outputs for an example batch.
            teacher: outputs for the same batch.
            targets: (N,) every training target, by `Batch.index`.

        Raises:
            ValueError: the loss is not defined for this pair; the message says why.
        """

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Learn from the teacher alone, before the student trains. Not repeated on resume.

        Args:
            teacher: from `Batch` to `Outputs`, frozen.
            loader: the training batches.
        """

    def deploy(self, student: Student) -> Student:
        """What is trained, evaluated and exported: the student, unless a paper adds to it.

        One that differs holds the given network as `student`, and as `config` the `_target_` and
        arguments that build it around that network again.
        """
        return student

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The loss, a scalar; the mean over the batch unless the paper defines it otherwise."""
        raise NotImplementedError
