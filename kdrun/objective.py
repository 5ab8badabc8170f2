"""Named, weighted loss terms: what a method hands to the loop."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.weight import Weight
from kdrun.types import Batch, Loader, Outputs


class Objective(nn.Module):
    """The terms of a loss, each with its weight at this moment of the training.

    Args:
        terms: by name; those without a weight are left out.
        weights: by the same names.
    """

    def __init__(self, terms: Mapping[str, Loss], weights: Mapping[str, Weight]) -> None:
        super().__init__()
        self.terms = nn.ModuleDict({name: terms[name] for name in weights})
        self.weights = dict(weights)
        self.now = {name: weight(0.0) for name, weight in weights.items()}

    @property
    def needs(self) -> set[str]:
        """The fields of `Outputs` that some term reads."""
        return {field for term in self.losses().values() for field in term.needs}

    def losses(self) -> dict[str, Loss]:
        """The terms by name."""
        return {name: term for name, term in self.terms.items() if isinstance(term, Loss)}

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the adapters of every term: `Loss.build`."""
        for name, term in self.losses().items():
            try:
                term.build(student, teacher, targets)
            except ValueError as error:
                raise ValueError(f"loss.terms.{name}: {error}") from error

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Let every term learn from the teacher alone: `Loss.prepare`."""
        for term in self.losses().values():
            term.prepare(teacher, loader)

    def deploy(self, student: nn.Module) -> nn.Module:
        """The network to train, with what the terms put around the student: `Loss.deploy`."""
        for term in self.losses().values():
            student = term.deploy(student)
        return student

    def at(self, epoch: float, epochs: int) -> None:
        """Say how far the training is, `epoch` of `epochs`: schedules follow it."""
        for name, term in self.losses().items():
            self.now[name] = self.weights[name](epoch)
            term.progress = epoch / epochs

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> dict[str, Tensor]:
        """The weighted terms by name; one whose weight is zero now is not computed."""
        return {
            name: self.now[name] * term(student, teacher, batch)
            for name, term in self.terms.items()
            if self.now[name]
        }
