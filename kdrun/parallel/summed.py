"""Losses that are means over tokens, summed over processes: nobody needs the others' logits."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdrun.loss.ce import CE
from kdrun.method import Method
from kdrun.objective import by_rows
from kdrun.task.generation import Generation
from kdrun.types import Batch


def summed(method: Method) -> bool:
    """Whether each term of a method is a mean over tokens of what each of them says by itself.

    Then the sum over processes of the mean of each, by how many of all tokens it has, is the mean
    over the batch, and so are the gradients.
    """
    objective = method.objective
    if not method.shares or not isinstance(objective.task, Generation):
        return False
    terms = objective.losses().values()
    return all(isinstance(term, CE) or (term.by_row and by_rows(term)) for term in terms)


def total(losses: dict[str, Tensor], own: Batch, whole: Batch, method: Method) -> dict[str, Tensor]:
    """The losses of a batch from those of the shares of all processes.

    Args:
        losses: of the share of this process, by term.
        own: its share; it may hold none of the batch.
        whole: the batch.
        method: whose losses they are.
    """
    task = method.objective.task
    assert task is not None
    found = {}
    for name, value in losses.items():
        mine, all_of = (task.count(*method.over(name, batch)) for batch in (own, whole))
        share = (torch.as_tensor(mine) / torch.as_tensor(all_of).clamp(min=1)).to(value.dtype)
        # A mean over no tokens is no number.
        found[name] = _Total.apply(torch.where(share > 0, value * share, 0.0))
    return found


class _Total(torch.autograd.Function):
    """The sum over processes, whose gradient each process has for its own part alone."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        found = own.detach().clone()
        dist.all_reduce(found)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # The mean over processes will divide it by their number.
        return gradients[0] * dist.get_world_size()
