"""A teacher that knows other classes than the data, or the same in another order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from kdrun.teacher.base import Teacher
from kdrun.teacher.spelling import as_known, from_one
from kdrun.types import Batch, Outputs

UNKNOWN = -math.inf
"""Logit of a class that a teacher does not know."""

FLOOR = 1e-6
"""The least probability that a logit stands for: nobody's certainty is infinite."""


def log_probabilities(probabilities: Tensor) -> Tensor:
    """Logits, float32, whose softmax are these probabilities; temperature 1 gives them back."""
    return probabilities.clamp(min=FLOOR).log().float()


def name_classes(own: Sequence[object] | int, wanted: Sequence[str]) -> list[str]:
    """What the classes of a teacher are called.

    Args:
        own: their names, or only how many they are. Numbers are names where the data's classes
            are called so, however they are spelled, and else positions among them.
        wanted: the classes of the data.

    Raises:
        ValueError: there is no way to tell; the message has both lists.
    """
    if isinstance(own, int):
        if own != len(wanted):
            raise ValueError(f"the teacher knows {own} classes without names, {_not(wanted)}")
        return list(wanted)
    names = as_known([str(name) for name in own], wanted)
    counted = "0" in wanted and all(name.isdigit() for name in wanted)
    if counted and len(names) == len(wanted) and from_one(names, len(wanted)):
        raise ValueError(
            f"the teacher counts its {len(names)} classes from 1 ({names[0]} to {names[-1]}), and "
            f"the data from 0 ({wanted[0]} to {wanted[-1]}): rename them"
        )
    if set(names) & set(wanted):
        return names
    places = {str(place): name for place, name in enumerate(wanted)}
    numbers = as_known(names, places)
    if set(numbers) <= places.keys():
        return [places[number] for number in numbers]
    hint = "; numbers of classes begin at 0" if from_one(names, len(wanted)) else ""
    raise ValueError(f"the teacher knows {few(names)}, {_not(wanted)}{hint}")


def _not(wanted: Sequence[str]) -> str:
    return f"but the dataset has {few(wanted)}"


class ByName(Teacher):
    """A teacher whose logits are brought into the order of the data's classes, by name.

    A class of the data that it does not know gets the logit `UNKNOWN`; one that only it knows is
    left out, so that its probabilities are those given that the class is one of the data.

    Args:
        teacher: from `Batch` to `Outputs`.
        known: the classes of its logits.
        wanted: the classes of the data.

    Raises:
        ValueError: they have none in common; the message has both lists.
    """

    own: Tensor
    place: Tensor

    def __init__(self, teacher: nn.Module, known: Sequence[str], wanted: Sequence[str]) -> None:
        super().__init__()
        self.teacher = teacher
        common = [name for name in wanted if name in known]
        if not common:
            raise ValueError(f"the teacher knows {few(known)}, {_not(wanted)}")
        self.width = len(wanted)
        own = torch.tensor([list(known).index(name) for name in common])
        place = torch.tensor([list(wanted).index(name) for name in common])
        self.register_buffer("own", own, persistent=False)
        self.register_buffer("place", place, persistent=False)

    def keep(self, fields: Iterable[str]) -> None:
        """As the teacher's."""
        if isinstance(self.teacher, Teacher):
            self.teacher.keep(fields)

    def forward(self, batch: Batch) -> Outputs:
        """The teacher's outputs, with (N, C) logits for the C classes of the data."""
        outputs: Outputs = self.teacher(batch)
        size = (len(outputs.logits), self.width, *outputs.logits.shape[2:])
        logits = outputs.logits.new_full(size, UNKNOWN)
        logits[:, self.place] = outputs.logits[:, self.own]
        return outputs._replace(logits=logits)


def require_all(logits: Tensor, wanted: Sequence[str]) -> None:
    """Refuse a teacher that does not know every class of the data.

    Args:
        logits: of an example batch.
        wanted: the classes of the data.

    Raises:
        ValueError: with both lists.
    """
    unknown = (logits == UNKNOWN).transpose(0, 1).flatten(1).all(dim=1).tolist()
    if any(unknown):
        known = [name for name, missing in zip(wanted, unknown, strict=True) if not missing]
        raise ValueError(
            f"the teacher knows {few(known)}, {_not(wanted)}; "
            "teacher=ensemble joins it with one that knows the others"
        )


def few(names: Sequence[str]) -> str:
    """How many classes, and the first of them."""
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f"{len(names)} classes ({shown})"
