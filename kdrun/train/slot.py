"""What changes from step to step: tensors that are written before a recorded step is repeated."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kdrun.dataset.random import Keys
from kdrun.dataset.spot import Spot
from kdrun.loss import Loss
from kdrun.objective import Objective


class Slot:
    """Where a step reads which batch it is, and at what moment of the training.

    Args:
        like: of whose sizes the batches are.
        objectives: whose weights change.
    """

    def __init__(self, like: Spot, objectives: Sequence[Objective]) -> None:
        self.spot = _empty(like)
        device = like.index.device
        self.weights: list[tuple[Objective, dict[str, Tensor]]] = []
        self.moments: list[tuple[Loss, dict[str, Tensor]]] = []
        for objective in objectives:
            moving = [name for name, weight in objective.weights.items() if not weight.constant]
            self.weights.append((objective, _numbers(moving, device)))
            for term in objective.losses().values():
                if term.moments:
                    self.moments.append((term, _numbers(term.moments, device)))

    def write(self, spot: Spot) -> None:
        """Fill it for the step to come; the objectives know its moment already."""
        _copy(spot, self.spot)
        for objective, weights in self.weights:
            for name, tensor in weights.items():
                tensor.fill_(float(objective.now.get(name, 0.0)))
        for term, numbers in self.moments:
            for name, tensor in numbers.items():
                tensor.fill_(getattr(term, name))

    def bind(self) -> None:
        """Let the objectives read the tensors, where numbers of Python stood."""
        for objective, weights in self.weights:
            objective.now = {name: weights.get(name, own) for name, own in objective.now.items()}
        for term, numbers in self.moments:
            term.fed = numbers

    def release(self) -> None:
        """Let them read numbers again; the weights follow when the next moment is told."""
        for term, _ in self.moments:
            term.fed = {}


def _numbers(names: Sequence[str], device: torch.device) -> dict[str, Tensor]:
    return {name: torch.zeros((), device=device, dtype=torch.float64) for name in names}


def _empty(like: Spot) -> Spot:
    assert isinstance(like.epoch, int)
    source = None if like.source is None else _empty(like.source)
    return Spot(torch.zeros_like(like.index), Keys(like.epoch, like.index.device), source)


def _copy(given: Spot, place: Spot) -> None:
    place.index.copy_(given.index)
    assert isinstance(given.epoch, int)
    assert isinstance(place.epoch, Keys)
    place.epoch.turn(given.epoch)
    if given.source is not None:
        assert place.source is not None
        _copy(given.source, place.source)
