"""Decisions that were written down: an expert's, an API's, or those of a network elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from kdrun.dataset.augment import Augment
from kdrun.dataset.digest import digests
from kdrun.dataset.split import sample_ids
from kdrun.teacher.classes import FLOOR, UNKNOWN, log_probabilities
from kdrun.teacher.decisions import Table, read
from kdrun.teacher.meaning import logits, probabilities
from kdrun.types import Batch, Dataset, Outputs, Split

log = logging.getLogger(__name__)


class Recorded(nn.Module):
    """Looks up by `Batch.index` what was said of each sample.

    Args:
        answers: by split, outputs of which row i is about sample i.
        split: whose samples it is asked about.
    """

    live = False
    size = None
    logits: Tensor
    weight: Tensor | None

    def __init__(self, answers: Mapping[str, Outputs], split: str = "train") -> None:
        super().__init__()
        self.answers = dict(answers)
        self.register_buffer("logits", answers[split].logits, persistent=False)
        self.register_buffer("weight", answers[split].weight, persistent=False)

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
    if not data.classes:
        raise ValueError("decisions are about classes, and this dataset has none")
    table = read(path)
    if augment.mixup or ("digest" in table.columns and augment != Augment()):
        raise ValueError(
            "what was said is about samples as they are, and dataset.augment changes them: "
            "dataset.augment=null, or a teacher that answers live"
        )
    rows = _rows(table, data, whole)
    said, given = probabilities(table, data.classes), logits(table, data.classes)
    weights = torch.from_numpy(table.numbers("weight", 1.0))
    if not ((weights >= 0) & torch.isfinite(weights)).all():
        raise ValueError("weight must not be negative")
    answers = {}
    for name, split in splits(data).items():
        if name != "train" and not all(rows[name]):
            continue
        if "digest" in table.columns:
            _check_digests(table, split, rows[name])
        outputs = _merge(said, given, weights, rows[name])
        answers[name] = _fill(outputs, split, rows[name], missing) if name == "train" else outputs
    return Recorded(answers)


def splits(data: Dataset) -> dict[str, Split]:
    """The splits by name."""
    parts = {"train": data.train, "val": data.val, "test": data.test}
    return {name: split for name, split in parts.items() if split is not None}


def _rows(table: Table, data: Dataset, whole: bool) -> dict[str, list[list[int]]]:
    """The rows about each sample of each split."""
    ids = {name: sample_ids(split) for name, split in splits(data).items()}
    together = not set(ids["train"]) & set(ids.get("val", ()))  # cut from the same samples
    keys = table.text("id")
    if keys is None:
        keys = [str(row - 1) for row in table.row.tolist()]
        size = len(ids["train"]) + (len(ids.get("val", ())) if together else 0)
        if table.length != size or not whole:
            told = "and some were set aside" if not whole else f"of which there are {size}"
            raise ValueError(
                f"its {table.length} rows have no column id, so they are about the training "
                f"samples in their order, {told}: give ids"
            )
    homes = table.text("split") or ["train"] * len(keys)
    about: dict[tuple[str, str], list[int]] = {}
    for row, (home, key) in enumerate(zip(homes, keys, strict=True)):
        about.setdefault((home, key), []).append(row)
    other = {"train": "val", "val": "train"} if together else {}
    found = {
        name: [about.get((name, key)) or about.get((other.get(name, ""), key), []) for key in own]
        for name, own in ids.items()
    }
    _check_ids(about, ids, found, whole)
    return found


def _check_ids(
    about: Mapping[tuple[str, str], list[int]],
    ids: Mapping[str, list[str]],
    found: Mapping[str, list[list[int]]],
    whole: bool,
) -> None:
    """Refuse rows about no sample, as far as one can know."""
    if wrong := {home for home, _ in about} - {"train", "val", "test"}:
        raise ValueError(f"split is train, val or test, not '{min(wrong)}'")
    pool = {key for own in ids.values() for key in own}
    lost = [key for _, key in about if key not in pool]
    if not any(found["train"]) or (lost and whole):
        raise ValueError(
            f"{len(lost)} of its {len(about)} ids are no sample's, such as "
            f"'{(lost or [next(iter(about))[1]])[0]}'; the samples are called "
            f"{', '.join(ids['train'][:3])}, ..."
        )


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
