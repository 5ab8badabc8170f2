"""Which epoch of an unsupervised adaptation counts, told without a label of the target."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.config.instantiate import locate, nearest
from kdrun.score.evaluate import evaluate
from kdrun.task import Task
from kdrun.train import Row, Training
from kdrun.types import Loader

log = logging.getLogger(__name__)

RULES = ("last", "source_val", "im", "snd")
"""The last epoch, or that with the best score of this name: see `Selection`."""

SAMPLES = 1000
"""How many of the target's training samples are asked after each epoch."""


class Selection:
    """Remembers the weights of the epoch that counts, as the training goes on.

    `last` is the last epoch. The others are scores, of which the highest counts: `source_val`, the
    accuracy on the source's validation split; `im`, H(mean p) − mean H(p) over samples of the
    target; `snd`, the soft neighbourhood density of their predictions (Saito et al., 2021,
    https://arxiv.org/abs/2108.10860).

    An epoch that collapsed never counts, whatever the rule: one in which the mean prediction on
    the target has less than half of the entropy that it had before the adaptation. If all did, the
    last one stays.

    Args:
        rule: one of `RULES`.
        student: before the adaptation.
        target: samples of the target, whose labels are not read.
        source: the source's validation split in the target's classes; None if there is none.
        task: what is predicted.

    Raises:
        ValueError: the rule needs a validation split of the source.
    """

    def __init__(
        self, rule: str, student: nn.Module, target: Loader, source: Loader | None, task: Task
    ) -> None:
        if rule == "source_val" and source is None:
            raise ValueError(
                "method.select=source_val reads a validation split of the source, and "
                "dataset.val_fraction=0 leaves none."
            )
        self.rule, self.target, self.source, self.task = rule, target, source, task
        self.before = float(diversity(self._ask(student)))

    def measure(self, student: nn.Module) -> Row:
        """Columns of metrics.csv: `diversity`, entropy of the mean prediction, and the score."""
        p = self._ask(student)
        row: Row = {"diversity": float(diversity(p))}
        if self.rule == "source_val":
            assert self.source is not None
            row["source_val"] = evaluate(student, self.source, self.task).metrics["accuracy"]
        elif self.rule == "im":
            row["im"] = float(diversity(p) - torch.special.entr(p).sum(1).mean())
        elif self.rule == "snd":
            row["snd"] = float(density(p))
        return row

    def keep(self, training: Training) -> None:
        """Remember the weights of the epoch just over, if none before counts more."""
        row = training.history[-1]
        if self.collapsed(row):
            return
        score = row["epoch"] if self.rule == "last" else row[self.rule]
        assert score is not None
        if score > training.best.get("score", -math.inf):
            weights = copy.deepcopy(training.student.state_dict())
            training.best = {"score": score, "epoch": training.epoch, "weights": weights}

    def collapsed(self, row: Row) -> bool:
        """Whether the student calls nearly all samples the same at the end of an epoch."""
        return float(row["diversity"] or 0.0) < self.before / 2

    def choice(self, training: Training) -> dict[str, Any]:
        """What record.json tells of it; warns of a collapse."""
        last = training.history[-1]
        chosen = training.best.get("epoch", training.epoch)
        if collapsed := self.collapsed(last):
            log.warning(
                "the adaptation collapsed: the entropy of the mean prediction on the target fell "
                "from %.2f to %.2f; epoch %d counts%s",
                *(self.before, last["diversity"], chosen),
                "" if training.best else ", for there is none that did not",
            )
        told = {"rule": self.rule, "epoch": chosen, "collapsed": collapsed}
        if self.rule != "last":
            told["score"] = training.history[chosen - 1][self.rule]
        return told

    @torch.no_grad()
    def _ask(self, student: nn.Module) -> Tensor:
        """(N, C) class probabilities of the target's samples."""
        was_training = student.training
        student.eval()
        p = [torch.softmax(student(batch).logits, dim=1) for batch in self.target.epoch(0)]
        student.train(was_training)
        return torch.cat(p)


def faults(plain: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a run's rule: no label of the target, and no score that a term optimises.

    Args:
        plain: the run's config as plain containers.
    """
    rule, transfer = plain["method"].get("select", "last"), plain["transfer"]
    terms = transfer.get("terms") or {}
    if rule not in RULES:
        yield f"method.select={rule} does not exist; {nearest(str(rule), RULES)}"
    elif rule != "last" and not terms:
        yield (
            f"method.select={rule} chooses among the epochs of an unsupervised adaptation, such as "
            f"transfer=dann; transfer={transfer['name']} is none"
        )
    if terms and plain["train"]["early_stop"]:
        yield (
            "train.early_stop looks at labels, and an adaptation may know none of the target: "
            f"take method.select, one of {', '.join(RULES)}"
        )
    for name in (transfer.get("weights") or {}).keys() & terms:
        try:
            term = locate(terms[name]["_target_"], "term", plain["plugins"])
        except ValueError:
            continue  # told where all targets are checked
        if rule in getattr(term, "minimises", ()):
            yield (
                f"method.select={rule} is what transfer={name} optimises, and so cannot tell "
                "whether it went well: take last, source_val or snd"
            )


def diversity(p: Tensor) -> Tensor:
    """Entropy of the mean of (N, C) probabilities in nats; log C where classes are equal."""
    entropy: Tensor = torch.special.entr(p.mean(0)).sum()
    return entropy


def density(p: Tensor, temperature: float = 0.05) -> Tensor:
    """Soft neighbourhood density: how many neighbours, on a log scale, a sample has.

        the mean over n of H(softmax over m ≠ n of cos(pₙ, pₘ) / T)

    Args:
        p: (N, C) class probabilities.
        temperature: T.
    """
    rows = F.normalize(p, dim=1)
    alike = (rows @ rows.T / temperature).fill_diagonal_(-torch.inf)
    entropy: Tensor = torch.special.entr(torch.softmax(alike, dim=1)).sum(1).mean()
    return entropy
