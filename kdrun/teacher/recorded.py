"""Decisions that were written down: an expert's, an API's, or those of a network elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from kdrun.dataset.augment import Augment
from kdrun.dataset.digest import digests
from kdrun.dataset.split import sample_ids
from kdrun.teacher.base import Teacher
from kdrun.teacher.classes import FLOOR, UNKNOWN, log_probabilities
from kdrun.teacher.decisions import Table, read
from kdrun.teacher.matching import refuse_from_one, rows_about, rows_from_one, splits
from kdrun.teacher.meaning import logits, probabilities
from kdrun.types import Batch, Dataset, Outputs, Split

log = logging.getLogger(__name__)


class Recorded(Teacher):
    """Looks up by `Batch.index` what was said of each sample.

    Args:
        answers: by split, outputs of which row i is about sample i.
        split: whose samples it is asked about.
    """

    logits: Tensor
    weight: Tensor | None

    def __init__(self, answers: Mapping[str, Outputs], split: str = "train") -> None:
        super().__init__()
        self.answers = dict(answers)
        self.register_buffer("logits", answers[split].logits, persistent=False)
        self.register_buffer("weight", answers[split].weight, persistent=False)
        self.capturable = (
            self.weight is None or "how much each answer counts is asked of the device"
        )

    @property
    def live(self) -> bool:
        """It answers what it was asked before."""
        return False

    @property
    def size(self) -> int | None:
        """What it learnt is not known."""
        return None

    def on(self, split: str) -> Recorded | None:
        """The answers about another split; None if some sample has none."""
        if split not in self.answers:
            return None
        return Recorded(self.answers, split).to(self.logits.device)

    def forward(self, batch: Batch) -> Outputs:
        """The recorded outputs."""
        weight = None if self.weight is None else self.weight[batch.index]
        return Outputs(self.logits[batch.index], weight=weight)


def recorded(
    path: str,
    data: Dataset,
    augment: Augment,
    whole: bool = True,
    missing: Literal["error", "label", "skip"] = "error",
) -> Recorded:
    """The decisions in a table, for the samples of a dataset: `decisions` says what it may hold.

    Labels and probabilities become logits by their logarithm; temperature 1 gives them back. Rows
    that disagree about a sample become their mean, weighted by `weight`. A table with digests, as
    `kdrun predict --record` writes it, is about exact numbers: it must match the data, and
    training must not augment them.

    Args:
        path: the table.
        data: its training and validation samples are meant, by id or position before any cut;
            test samples only where the column `split` says so.
        augment: how training samples are changed.
        whole: whether no training sample was set aside by `dataset.train_size`, so that every row
            must be about a sample.
        missing: what holds for a training sample that no row is about: an `error`, its plain
            `label`, or `skip`, so that it counts only in terms without a teacher.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the table is malformed, or is not about these samples; one message says why.
    """
    try:
        return _recorded(path, data, augment, whole, missing)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _recorded(path: str, data: Dataset, augment: Augment, whole: bool, missing: str) -> Recorded:
    if not data.task.named:
        raise ValueError("decisions are about classes, and this dataset has none")
    table = read(path)
    if augment.mixes or ("digest" in table.columns and augment != Augment()):
        raise ValueError(
            "what was said is about samples as they are, and dataset.augment changes them: "
            "dataset.augment=null, or a teacher that answers live"
        )
    rows = rows_about(table, data, whole)
    said, given = probabilities(table, data.classes), logits(table, data.classes)
    refuse_from_one(said, data.train.targets, rows["train"], rows_from_one(table, data))
    weights = _weights(table)
    answers = {}
    for name, split in splits(data).items():
        if name != "train" and not all(rows[name]):
            continue
        if "digest" in table.columns:
            _check_digests(table, split, rows[name])
        outputs = _merge(said, given, weights, rows[name])
        answers[name] = _fill(outputs, split, rows[name], missing) if name == "train" else outputs
    return Recorded(answers)


def _weights(table: Table) -> Tensor:
    """(R,) how much each row counts."""
    weights = torch.from_numpy(table.numbers("weight", 1.0))
    wrong = (~((weights >= 0) & torch.isfinite(weights))).nonzero()
    if len(wrong):
        row = int(wrong[0, 0])
        raise ValueError(
            f"weight of row {table.row[row]} is {weights[row]:g}: it is a finite number and must "
            "not be negative"
        )
    if not weights.any():
        raise ValueError("every weight is 0, so no row counts")
    return weights


def _check_digests(table: Table, split: Split, rows: Sequence[list[int]]) -> None:
    judged, ours = table.text("digest"), digests(split)
    assert judged is not None
    for sample, own in enumerate(rows):
        if any(judged[row] != ours[sample] for row in own):
            raise ValueError(
                f"sample '{sample_ids(split)[sample]}' is not what was judged: its numbers have "
                "another digest. Record the teacher on this data"
            )


def _merge(
    said: Tensor, given: Tensor | None, weights: Tensor, rows: Sequence[list[int]]
) -> Outputs:
    """One answer a sample, from the one row or the several about it; zeros where there is none."""
    merged = torch.zeros(len(rows), said.shape[1])
    counts = torch.zeros(len(rows))
    for sample, own in enumerate(rows):
        if not own:
            continue
        counts[sample] = weights[own].mean()
        if given is not None and len(own) == 1:
            merged[sample] = given[own[0]]
            continue
        shares = weights[own] / weights[own].sum() if weights[own].any() else 1 / len(own)
        mean = (torch.as_tensor(shares).view(-1, 1) * said[own]).sum(0)
        merged[sample] = log_probabilities(mean).nan_to_num(UNKNOWN)
    return Outputs(merged, weight=None if (counts == 1).all() else counts)


def _fill(outputs: Outputs, split: Split, rows: Sequence[list[int]], missing: str) -> Outputs:
    """The answers about training samples, where some may have none."""
    silent = torch.tensor([not own for own in rows])
    if not silent.any():
        return outputs
    assert outputs.weight is not None
    names = sample_ids(split)
    told = f"{int(silent.sum())} of {len(rows)} training samples have no row"
    if missing == "error":
        raise ValueError(
            f"{told}, such as '{names[int(silent.nonzero()[0, 0])]}': teacher.missing=label "
            "takes their plain labels, teacher.missing=skip leaves them out"
        )
    log.info("%s: %s", told, "their labels count" if missing == "label" else "left out")
    if missing == "skip":
        return outputs
    labelled = silent & (split.targets >= 0)
    outputs.weight[labelled] = 1.0
    plain = torch.full_like(outputs.logits[labelled], FLOOR)
    plain[torch.arange(len(plain)), split.targets[labelled]] = 1.0
    outputs.logits[labelled] = plain.log()
    return outputs._replace(weight=None if (outputs.weight == 1).all() else outputs.weight)
