"""How good a language model is: sums over the tokens that count, on the device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Scores, Tally

if TYPE_CHECKING:
    from kdrun.batch import Batch, Outputs


class NextTokens(Tally):
    """Counts over the tokens of a split: a mean is over tokens, however they are spread on texts.

    A batch's logits are gone through in parts of `PART` tokens, so that no more than that is held
    in float64 or as probabilities.
    """

    def __init__(self) -> None:
        self.sums = {name: torch.zeros((), dtype=torch.float64) for name in ("nll", "accuracy")}
        self.tokens = torch.zeros((), dtype=torch.int64)

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Count the tokens of one batch."""
        length = student.logits.shape[1]
        target = batch.target[:, :length]
        counts = target >= 0
        own, labels = student.logits[counts], target[counts]
        theirs = None if teacher is None else teacher.logits[counts]
        self.tokens = self.tokens.to(labels.device) + len(labels)
        for start in range(0, len(labels), PART):
            part = slice(start, start + PART)
            self._add(own[part], None if theirs is None else theirs[part], labels[part])

    def _add(self, student: Tensor, teacher: Tensor | None, target: Tensor) -> None:
        log_q = F.log_softmax(student.float(), dim=1)
        said = student.argmax(1)
        self._sum("nll", -log_q.gather(1, target[:, None]))
        self._sum("accuracy", said == target)
        if teacher is not None:
            log_p = F.log_softmax(teacher.float(), dim=1)
            answer = teacher.argmax(1)
            self._sum("teacher_nll", -log_p.gather(1, target[:, None]))
            self._sum("teacher_accuracy", answer == target)
            self._sum("agreement", answer == said)
            self._sum("kl_to_teacher", log_p.exp() * (log_p - log_q))

    def _sum(self, name: str, values: Tensor) -> None:
        found = values.sum(dtype=torch.float64)
        self.sums[name] = found + self.sums[name].to(found.device) if name in self.sums else found

    def scores(self) -> Scores:
        """The metrics of all that was counted."""
        total = max(int(self.tokens), 1)
        metrics = {name: float(value) / total for name, value in self.sums.items()}
        for name in ("nll", "teacher_nll"):
            if name in metrics:
                metrics[name.replace("nll", "perplexity")] = math.exp(min(metrics[name], 700.0))
        metrics.pop("teacher_nll", None)
        return Scores(metrics, torch.zeros(0, 0, dtype=torch.int64))


PART = 4096
"""Tokens whose probabilities are held at once."""
