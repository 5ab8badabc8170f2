"""How a student is trained: methods turn a batch into named, weighted losses."""

from __future__ import annotations

from torch import Tensor, nn

from kdrun.objective import Objective
from kdrun.types import Batch


class Method(nn.Module):
    """What the loop sees: `method(batch) -> {name: weighted loss}`.

    A subclass keeps the network that is trained as `student`, and writes `forward`.
    """

    student: nn.Module
    objective: Objective

    def at(self, epoch: float, epochs: int) -> None:
        """Say how far the training is; called before every batch."""
        self.objective.at(epoch, epochs)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The weighted losses of a batch, by term."""
        raise NotImplementedError
