"""Pictures with boxes that a detector was not trained on, in its own classes."""

from __future__ import annotations

from dataclasses import replace

import torch

from kdrun.config.nearest import nearest
from kdrun.evaluate.reads import Labelled, Reads
from kdrun.types import Arrays, Dataset


def of_boxes(data: Dataset, reads: Reads) -> Labelled:
    """The test split of a dataset of boxes, with the student's classes in the place of its own.

    Args:
        data: of boxes, in pictures of the student's size.
        reads: what the student reads and tells.

    Raises:
        ValueError: its labels are no boxes, or its classes or its samples are others than the
            student's.
    """
    task, split = reads.task, data.test
    if not data.task.boxed or not isinstance(split, Arrays):
        raise ValueError(
            f"the student's task is {task.name}, and the labels are {data.task.name}'s"
        )
    if data.shape != reads.shape:
        assert not isinstance(reads.shape, dict)
        size = ",".join(map(str, reads.shape[1:]))
        raise ValueError(
            f"the student reads pictures of the shape {reads.shape}, and these have {data.shape}: "
            f"set dataset.image_size=[{size}]"
        )
    own = list(task.classes)
    labels = split.targets[..., 0].long()
    strange = [n for n in labels[labels >= 0].unique().tolist() if data.classes[n] not in own]
    if strange and not reads.known_only:
        odd = data.classes[strange[0]]
        raise ValueError(
            f"the class '{odd}' is none that the student knows (--known-only leaves out boxes of "
            f"other classes); {nearest(odd, own)}"
        )
    number = torch.tensor([own.index(name) if name in own else -1 for name in data.classes])
    renamed = torch.where(labels >= 0, number[labels.clamp(min=0)], -1)
    if not bool((renamed >= 0).any()):
        raise ValueError("no box of these data is of a class that the student knows")
    targets = split.targets.clone()
    targets[..., 0] = renamed.to(targets.dtype)
    return Labelled(replace(split, targets=targets, task=task), None)
