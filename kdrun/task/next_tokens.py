"""How good a language model is: sums over the tokens that count, on the device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Scores, Tally

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs


class NextTokens(Tally):
    """Counts over the tokens of a split: a mean is over tokens, however they are spread on texts.

    They are kept by the position of a token among those of its text that count. A batch's logits
    are gone through in parts of `PART` tokens, so that no more than that is held in float64 or as
    probabilities.
    """

    def __init__(self) -> None:
        self.sums = {name: torch.zeros(0, dtype=torch.float64) for name in ("nll", "accuracy")}
        self.tokens = torch.zeros(0, dtype=torch.float64)

    def add(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> None:
        """Count the tokens of one batch."""
        length = student.logits.shape[1]
        target = batch.target[:, :length]
        counts = target >= 0
        own, labels = student.logits[counts], target[counts]
        theirs = None if teacher is None else teacher.logits[counts]
        parts = [
            _said(own[part], None if theirs is None else theirs[part], labels[part])
            for part in (slice(at, at + PART) for at in range(0, len(labels), PART))
        ]
        row, column = counts.nonzero(as_tuple=True)
        place = counts.cumsum(1)[row, column] - 1
        for name in parts[0] if parts else ():
            # A cell for each token, so that sums are the same on every device and in every run.
            cells = torch.zeros(counts.shape, dtype=torch.float64, device=labels.device)
            cells[row, place] = torch.cat([part[name] for part in parts]).double()
            self.sums[name] = _added(self.sums.get(name), cells.sum(0))
        at_place = counts.sum(1)[:, None] > torch.arange(length, device=labels.device)
        self.tokens = _added(self.tokens, at_place.sum(0).double())

    def scores(self) -> Scores:
        """The metrics of all that was counted."""
        total = max(int(self.tokens.sum()), 1)
        metrics = {name: float(value.sum()) / total for name, value in self.sums.items()}
        for name in ("nll", "teacher_nll"):
            if name in metrics:
                metrics[name.replace("nll", "perplexity")] = math.exp(min(metrics[name], 700.0))
        metrics.pop("teacher_nll", None)
        return Scores(metrics, torch.zeros(0, 0, dtype=torch.int64))

    def write(self, folder: Path) -> None:
        """Write what was counted at each position: a table, `positions.csv`."""
        from kdrun.results.record import write_atomic

        tokens = [int(count) for count in self.tokens.tolist()]
        columns = {name: values.tolist() for name, values in self.sums.items()}
        lines = [",".join(["position", "tokens", *columns])]
        for place, count in enumerate(tokens):
            if count:
                means = (f"{values[place] / count:.6g}" for values in columns.values())
                lines.append(",".join([str(place + 1), str(count), *means]))
        write_atomic(folder / TABLE, "".join(f"{line}\n" for line in lines))


def _said(student: Tensor, teacher: Tensor | None, target: Tensor) -> dict[str, Tensor]:
    """What is measured of (M, V) scores, (M,) each."""
    log_q = F.log_softmax(student.float(), dim=1)
    said = student.argmax(1)
    own = target[:, None]
    found = {"nll": -log_q.gather(1, own).squeeze(1), "accuracy": said == target}
    if teacher is not None:
        log_p = F.log_softmax(teacher.float(), dim=1)
        answer = teacher.argmax(1)
        found["teacher_nll"] = -log_p.gather(1, own).squeeze(1)
        found["teacher_accuracy"] = answer == target
        found["agreement"] = answer == said
        found["kl_to_teacher"] = (log_p.exp() * (log_p - log_q)).sum(1, dtype=torch.float64)
    return found


def _added(before: Tensor | None, now: Tensor) -> Tensor:
    """The sums by position of all that was counted, of whatever lengths."""
    if before is None or not len(before):
        return now
    before, size = before.to(now.device), max(len(before), len(now))
    return F.pad(before, (0, size - len(before))) + F.pad(now, (0, size - len(now)))


TABLE = "positions.csv"
"""In the folder of a run."""

PART = 4096
"""Tokens whose probabilities are held at once."""
