"""A loss towards each member of an ensemble."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.types import Batch, Loader, Outputs


class EachMember(Loss):
    """A term with adapters of its own for every member of an ensemble.

        L = Σᵢ αᵢ Lᵢ(student, gᵢ)

    αᵢ is the mean over the batch of how much member i counts. Members without the fields that the
    term reads, such as a table of decisions where stages are compared, are left out.

    Args:
        term: copied for each member.
    """

    def __init__(self, term: Loss) -> None:
        super().__init__()
        if type(term).deploy is not Loss.deploy:
            raise ValueError(f"{type(term).__name__} reuses a part of one teacher, not of several")
        self.needs = term.needs
        self.labelled = term.labelled
        self.terms = nn.ModuleDict({"0": term})

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size one copy for every member that can be compared."""
        able = [i for i, member in enumerate(teacher.members) if not missing(self, member)]
        if not able:
            raise ValueError(f"no member of the ensemble gives {' and '.join(self.needs)}")
        term = self.terms["0"]
        self.terms = nn.ModuleDict({str(i): copy.deepcopy(term) for i in able})
        for i, own in self._copies():
            own.build(student, teacher.members[i], targets)

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Let each copy learn from its member."""
        for i, own in self._copies():
            own.prepare(Member(teacher, i), loader)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The terms, weighted as the ensemble weights its members."""
        total = student.logits.sum() * 0.0
        for i, own in self._copies():
            own.progress = self.progress
            member = teacher.members[i]
            share = 1.0 if member.weight is None else member.weight.mean()
            total = total + share * own(student, member._replace(weight=None), batch)
        return total

    def remember(self) -> None:
        """Let each copy keep what it keeps of a batch."""
        for _, own in self._copies():
            own.remember()

    def _copies(self) -> list[tuple[int, Loss]]:
        return [(int(i), own) for i, own in self.terms.items() if isinstance(own, Loss)]


class Member(nn.Module):
    """One member of an ensemble, as a teacher.

    Args:
        ensemble: from `Batch` to `Outputs` with members.
        position: of the member.
    """

    def __init__(self, ensemble: nn.Module, position: int) -> None:
        super().__init__()
        self.ensemble, self.position = ensemble, position

    @torch.no_grad()
    def forward(self, batch: Batch) -> Outputs:
        """The member's outputs."""
        members: tuple[Outputs, ...] = self.ensemble(batch).members
        return members[self.position]


def missing(term: Loss, outputs: Outputs) -> list[str]:
    """The fields that a term reads and that these outputs lack; tokens are there for texts only."""
    wanted = [name for name in term.needs if name != "tokens"]
    return [name for name in wanted if getattr(outputs, name) in (None, ())]
