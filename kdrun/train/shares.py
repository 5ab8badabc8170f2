"""What each batch of a group counts, so that together they are the large batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdrun.method import Method
from kdrun.task import Task
from kdrun.task.form import by_form
from kdrun.types import Batch, Loader


class Shares:
    """The shares of a group's batches in the mean that each term is.

    A term is a mean over the samples of a batch, or over those with a label. Its mean over the
    group is that of the batches, each by how many of these it has.

    Args:
        method: which knows what its terms are means over.
        batches: of the group.
        complete: whether every sample has a label.
    """

    def __init__(self, method: Method, batches: Sequence[Batch], complete: bool) -> None:
        self.method, self.batches, self.complete = method, batches, complete

    def of(self, place: int, losses: Mapping[str, Tensor], total: Tensor) -> Tensor:
        """What a batch adds to the loss of its group.

        Args:
            place: of the batch in its group.
            losses: its terms.
            total: their sum.
        """
        if len(self.batches) == 1:
            return total
        counts = {name: self._counts(name) for name in losses}
        if all(_alike(own) for own in counts.values()):
            return total / len(self.batches)
        parts = [value * _share(counts[name], place, value) for name, value in losses.items()]
        return torch.stack(parts).sum()

    def _counts(self, term: str) -> list[int | Tensor]:
        """Over how many samples a term is the mean, in each batch."""
        return [self._count(*self.method.over(term, batch)) for batch in self.batches]

    def _count(self, targets: Tensor, labelled: bool) -> int | Tensor:
        task = self.method.objective.task or by_form(targets)
        return task.count(targets, labelled and not self.complete)


def _alike(counts: Sequence[int | Tensor]) -> bool:
    """Whether all are known to be one number, without asking the device."""
    return all(isinstance(count, int) and count == counts[0] for count in counts)


def _share(counts: Sequence[int | Tensor], place: int, value: Tensor) -> float | Tensor:
    whole, own = sum(counts), counts[place]
    if isinstance(whole, Tensor):
        return torch.as_tensor(own / whole.clamp(min=1).double()).to(value.dtype)
    assert isinstance(own, int)
    return own / whole


def all_labelled(loader: Loader, task: Task | None = None) -> bool:
    """Whether every training sample has a label, those of a source too; by the task, if known."""
    parts = [loader, loader.source] if hasattr(loader, "source") else [loader]
    return all(bool((task or by_form(part.targets)).known(part.targets).all()) for part in parts)
