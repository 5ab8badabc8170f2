"""Labels and samples of other data, as a student has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from kdrun.config.nearest import nearest
from kdrun.dataset.image import Fit
from kdrun.dataset.inputs import fitted, resized
from kdrun.dataset.split import sample_ids, select
from kdrun.types import Arrays, Files, Shape, Split

if TYPE_CHECKING:
    from kdrun.task import Task


class Reads(NamedTuple):
    """What a student reads and tells.

    Attributes:
        shape: of a sample.
        reader: of new files: `Dataset.reader`.
        task: with the student's classes.
        plugins: packages that a `_target_` may lie in.
        known_only: whether samples of classes that it does not know are left out.
        tell: what is done with each sentence about the data.
    """

    shape: Shape
    reader: Mapping[str, Any] | None
    task: Task
    plugins: Sequence[str]
    known_only: bool
    tell: Callable[[str], None]

    @property
    def classes(self) -> tuple[str, ...]:
        """What its answers are called; empty where they are values."""
        return self.task.classes


def known(split: Split, names: Sequence[str] | None, reads: Reads, where: str) -> Split:
    """The labelled samples of a split, with the student's classes in the place of its own.

    Args:
        split: with classes of its own.
        names: what they are called; None where they are the positions of the student's.
        reads: what the student tells.
        where: the data, for messages.

    Raises:
        ValueError: one of them is none of the student's.
    """
    task, targets = reads.task, split.targets
    if task.named != (names is None or len(names) > 0):
        raise ValueError(
            f"{where}: the student's task is {task.name}, and these labels are another's"
        )
    if task.named:
        own = list(reads.classes)
        given = own if names is None else list(names)
        number = torch.tensor([own.index(name) if name in own else -1 for name in given])
        strange = [
            one
            for one in targets[targets >= 0].unique().tolist()
            if one >= len(given) or number[one] < 0
        ]
        if strange and not reads.known_only:
            odd = given[strange[0]] if strange[0] < len(given) else str(strange[0])
            raise ValueError(
                f"{where}: the class '{odd}' is none that the student knows (--known-only leaves "
                f"out samples of other classes); {nearest(odd, own)}"
            )
        inside = (targets >= 0) & (targets < len(given))
        targets = torch.where(inside, number[targets.clamp(0, len(given) - 1)], -1)
    kept = task.known(targets).nonzero().squeeze(1)
    if len(kept) == 0:
        raise ValueError(f"{where}: no sample has a label that the student knows")
    if (lost := len(targets) - len(kept)) > 0:
        reads.tell(f"{where}: {lost:,} samples without a label that is known are left out")
    return select(replace(split, targets=targets, task=None), kept)


def in_shape(split: Split, reads: Reads) -> Split:
    """A split whose samples are as the student reads them: pictures are resized.

    Raises:
        ValueError: they cannot be.
    """
    shape = reads.shape
    if isinstance(split, Files):
        if isinstance(shape, dict) or len(shape) != 3:
            raise ValueError(
                f"the student reads samples of the shape {shape}, and these are images"
            )
        return fitted(split, shape, Fit.of(reads.reader))
    inputs = split.inputs
    given = None if isinstance(inputs, dict) else tuple(inputs.shape[1:])
    if given is None or isinstance(shape, dict):
        if given is None and isinstance(shape, dict):
            return split
        raise ValueError(f"the student reads samples of the shape {shape}, and these are {given}")
    if given == shape:
        return split
    if len(given) != 3 or len(shape) != 3:
        raise ValueError(f"the student reads samples of the shape {shape}, and these have {given}")
    reads.tell(f"pictures of {_size(given)} are brought to the student's {_size(shape)}")
    assert isinstance(inputs, Tensor)
    return replace(split, inputs=resized(inputs, shape))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[2]}" + (" in colour" if shape[0] == 3 else " in grey")


def joined(parts: Sequence[Split]) -> Split:
    """Splits one after the other."""
    if len(parts) == 1:
        return parts[0]
    targets = torch.cat([part.targets for part in parts])
    ids = [name for part in parts for name in sample_ids(part)]
    if all(isinstance(part, Files) for part in parts):
        files = [part for part in parts if isinstance(part, Files)]
        paths = [path for part in files for path in part.paths]
        return replace(files[0], paths=paths, targets=targets, ids=ids)
    arrays = [part for part in parts if isinstance(part, Arrays)]
    inputs = [part.inputs for part in arrays]
    whole: Any
    if isinstance(inputs[0], dict):
        whole = {key: torch.cat([one[key] for one in inputs]) for key in inputs[0]}  # type: ignore[index]
    else:
        whole = torch.cat([one for one in inputs if isinstance(one, Tensor)])
    return Arrays(whole, targets, ids, task=arrays[0].task)


class Labelled(NamedTuple):
    """Samples whose labels are the student's classes.

    Attributes:
        split: all of them; no label is unknown.
        domains: of each sample; None where there is only one.
    """

    split: Split
    domains: list[str] | None
