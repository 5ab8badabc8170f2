"""Whether a teacher knows anything at all: asked once, before a student learns from it.

Classes in another order, pixels normalised otherwise, another stem: a network whose weights are all
in place and whose answers are noise. No shape gives that away; a few hundred labels do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from kdrun.dataset.split import select
from kdrun.score.evaluate import evaluate
from kdrun.teacher.network import Frozen
from kdrun.types import Dataset, Loader, Split

SAMPLES = 1000
"""Of the training data, where there is no validation split."""


class Judged(NamedTuple):
    """What a teacher gave labelled samples.

    Attributes:
        columns: of results.csv, as `Task.judge` gives them: `teacher_val_accuracy`, say.
        doubt: a sentence where it is no better than always saying the same; else empty.
    """

    columns: dict[str, float]
    doubt: str


def judge(
    name: str,
    teacher: Frozen,
    data: Dataset,
    val_loader: Loader | None,
    load: Callable[[Split], Loader],
    foreign: bool,
) -> Judged:
    """Ask a teacher about the validation split, or about some training samples without one.

    Args:
        name: of the teacher.
        teacher: of the run; it is left as it was.
        data: what its student learns from.
        val_loader: of the validation split; None without one.
        load: makes batches of a split, in order and as they are.
        foreign: whether its weights are from elsewhere.
    """
    asked, loader, where = teacher.on("val"), val_loader, "validation"
    if loader is None and asked is not None and teacher.live:
        asked, where = teacher, "training"
        known = data.task.known(data.train.targets).nonzero().squeeze(1)
        if len(known):
            loader = load(select(data.train, known[:: -(-len(known) // SAMPLES)]))
    if asked is None or loader is None or len(loader.targets) == 0:
        return Judged({}, "")
    before = {key: buffer.clone() for key, buffer in asked.named_buffers()}
    scores = evaluate(asked, loader, data.task).metrics
    with torch.no_grad():
        for key, buffer in asked.named_buffers():
            buffer.copy_(before[key])
    found = data.task.judge(scores, loader.targets, where)
    if found is None:
        return Judged({}, "")
    more = f". {found.suspects}" * bool(found.suspects) if foreign else ""
    if not foreign and found.remedy:
        more = f"; {found.remedy}"
    return Judged(found.columns, f"teacher {name} {found.told}{more}" if found.told else "")
