"""Deep mutual learning."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kdrun.method import Method, require
from kdrun.model.features import Student
from kdrun.objective import Objective
from kdrun.types import Batch, Outputs


class Mutual(Method):
    """Train several networks at once, each a teacher of the others.

        for each batch, for each network i:
            Lᵢ = CE(zᵢ, y) + 1 / (K − 1) · Σⱼ≠ᵢ KL(pⱼ ‖ pᵢ)
        step all of them down Σᵢ Lᵢ; no gradient goes through pⱼ

    Zhang, Xiang, Hospedales, Lu, 2018. https://arxiv.org/abs/1706.00384

    Any terms between logits may stand for these two; the paper's are kd with temperature 1 and
    weights of 1. The paper steps the networks by turns, this method all at once. Each peer gets a
    row of results and a folder of its own, as it is after the last epoch: early stopping and
    averaged weights (`train.early_stop`, `train.ema`) are about the student alone.

    Args:
        student: the first network, from `Batch` to `Outputs`.
        peers: the others, by name.
        objective: terms between two networks and the labels.
    """

    def __init__(
        self, student: Student, peers: Mapping[str, Student], objective: Objective
    ) -> None:
        super().__init__()
        require("mutual", objective, student, *peers.values())
        self.student = student
        self.peers = nn.ModuleDict(peers)
        self.objective = objective

    def terms(self) -> list[str]:
        """Those of the student, then those of each peer after its name."""
        owners = ["", *(f"{name}_" for name in self.peers)]
        return [f"{owner}{term}" for owner in owners for term in self.objective.possible]

    def over(self, term: str, batch: Batch) -> tuple[Tensor, bool]:
        """As of the student's term."""
        for name in self.peers:
            term = term.removeprefix(f"{name}_")
        return super().over(term, batch)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of each network with the labels and, on average, with each of the others."""
        said: dict[str, Outputs] = {"": self.student(batch)}
        said |= {f"{name}_": peer(batch) for name, peer in self.peers.items()}
        silent = {name: Outputs(outputs.logits.detach()) for name, outputs in said.items()}
        losses: dict[str, Tensor] = {}
        for name, outputs in said.items():
            others = [other for peer, other in silent.items() if peer != name]
            for other in others:
                for term, value in self.objective(outputs, other, batch).items():
                    key = f"{name}{term}"
                    losses[key] = losses.get(key, 0.0) + value / len(others)
        return losses
