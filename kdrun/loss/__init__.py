"""Distillation losses, one module each, all with the signature of `Loss`."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

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
    that reads only the student and the labels says so by `teacher_free`.
    """

    needs: tuple[str, ...] = ("logits",)
    teacher_free: ClassVar[bool] = False
    progress: float = 0.0
    standardize: bool = False

    def check(self, classes: int) -> None:
        """Object to a number of classes, before a teacher is trained.

        Args:
            classes: of the labels; 0 in regression.

        Raises:
            ValueError: the loss has nothing to teach there; the message says what to take.
        """
        if self.standardize and classes == 2:
            raise ValueError(
                "standardize=true leaves every logit of two classes at ±0.71, whatever the network "
                "says, and no gradient: take standardize=false"
            )

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

    def deploy(self, student: nn.Module) -> nn.Module:
        """What is trained, evaluated and exported: the student, unless a paper adds to it.

        One that differs holds the given network as `student`, and as `config` the `_target_` and
        arguments that build it around that network again.
        """
        return student

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The loss, a scalar; the mean over the batch unless the paper defines it otherwise."""
        raise NotImplementedError
