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

SUSPECTS = (
    "Suspects: the order of its classes (teacher.classes), the normalisation of its pixels "
    "(teacher.mean, teacher.std), its stem (teacher.stem), and averaged weights "
    "(teacher.weights=ema or raw)"
)


class Judged(NamedTuple):
    """What a teacher gave labelled samples.

    Attributes:
        columns: of results.csv: `teacher_val_accuracy`, and `val_majority_accuracy`, the share of
            the most frequent class among the same samples; in regression `teacher_val_r2`.
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
    if loader is None and teacher.live:
        asked, where = teacher, "training"
        labelled = (data.train.targets >= 0) | bool(not data.classes)
        known = labelled.nonzero().squeeze(1)
        if len(known):
            loader = load(select(data.train, known[:: -(-len(known) // SAMPLES)]))
    if asked is None or loader is None or len(loader.targets) == 0:
        return Judged({}, "")
    before = {key: buffer.clone() for key, buffer in asked.named_buffers()}
    scores = evaluate(asked, loader, len(data.classes)).metrics
    with torch.no_grad():
        for key, buffer in asked.named_buffers():
            buffer.copy_(before[key])
    if not data.classes:
        return _of_values(name, scores.get("r2"), where, foreign)
    counts = loader.targets[loader.targets >= 0].bincount()
    if int((counts > 0).sum()) < 2:
        return Judged({}, "")
    accuracy, most = scores["accuracy"], int(counts.max()) / int(counts.sum())
    columns = {"teacher_val_accuracy": accuracy, "val_majority_accuracy": most}
    if accuracy > most:
        return Judged(columns, "")
    told = (
        f"teacher {name} is right in {accuracy:.1%} of {int(counts.sum())} {where} samples, and "
        f"always saying '{data.classes[int(counts.argmax())]}' in {most:.1%}: it teaches nothing"
    )
    return Judged(columns, _with_suspects(told, foreign))


def _of_values(name: str, r2: float | None, where: str, foreign: bool) -> Judged:
    if r2 is None:
        return Judged({}, "")
    if r2 > 0:
        return Judged({"teacher_val_r2": r2}, "")
    told = (
        f"teacher {name} has R² {r2:.3g} on {where} samples, no better than always saying their "
        "mean: it teaches nothing"
    )
    suspects = "Suspect: the unit of its values (teacher.unit=[MEAN,STD])"
    return Judged({"teacher_val_r2": r2}, f"{told}. {suspects}" if foreign else told)


def _with_suspects(told: str, foreign: bool) -> str:
    return f"{told}. {SUSPECTS}" if foreign else f"{told}; train it longer, or take another"
