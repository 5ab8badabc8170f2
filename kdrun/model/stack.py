"""A network over another: its input is what the other says."""

from __future__ import annotations

import json

import torch
from torch import nn

from kdrun.model import build, offline
from kdrun.model.features import Around, Network, Student
from kdrun.sample import read_shape
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs


class Stack(Around):
    """From `Batch` to `Outputs` in two steps: the class probabilities of a frozen network, and a
    student of these.

    Args:
        student: on rows, as many numbers as the teacher has classes.
        described: the model of the teacher, its classes, and shape, mean and std of its data, as
            JSON; what rebuilds it in an empty process.
        teacher: the network itself; None to build it from the description, without its weights.
    """

    def __init__(self, student: Student, described: str, teacher: nn.Module | None = None) -> None:
        super().__init__(student)
        if teacher is None:
            header = json.loads(described)
            teacher = build(
                offline(header["model"]),
                num_classes=len(header["classes"]),
                shape=read_shape(header["shape"]),
                mean=header["mean"],
                std=header["std"],
                place="written",
            )
        self.teacher = Frozen(teacher)
        self.config = {"_target_": "kdrun.model.stack.Stack", "described": described}

    @property
    def reader(self) -> Network:
        """The teacher, which reads the data; the student reads its answers."""
        network = self.teacher.network
        assert isinstance(network, Network)
        return network

    def forward(self, batch: Batch) -> Outputs:
        """What the student says of what the teacher says."""
        said = torch.softmax(self.teacher(batch).logits, dim=1)
        outputs: Outputs = self.student(Batch(said, batch.target, batch.index))
        return outputs


def stack(student: Student, teacher: nn.Module, **header: object) -> Stack:
    """Put a student on a teacher.

    Args:
        student: on rows.
        teacher: a network, frozen.
        header: what describes the teacher: `model`, `classes` and `shape`.

    Raises:
        ValueError: the teacher is no network, whose weights the student's file could hold.
    """
    network = teacher.network if isinstance(teacher, Frozen) else teacher
    if not isinstance(network, Network):
        raise ValueError(
            "method=stacked puts the teacher into the student's file: it needs a network that "
            "knows the classes of the data, such as teacher=resnet20"
        )
    mean, std = network.normalisation
    header["model"] = getattr(network.net, "described", header["model"])
    described = json.dumps({**header, "mean": mean, "std": std})
    return Stack(student, described, network)
