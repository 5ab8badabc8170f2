"""From a role in a config to a teacher: a network, or what a yaml of configs/teacher calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdrun.checkpoint import read_header
from kdrun.loss.members import missing
from kdrun.model import weights
from kdrun.objective import Objective
from kdrun.target import call
from kdrun.teacher.classes import ByName, require_all
from kdrun.teacher.network import Frozen
from kdrun.types import Dataset, Outputs

Role = Mapping[str, Any]

NESTED = ("name", "members")
"""Keys of a role that are no arguments of its `_target_`."""


class Teachers:
    """Builds the teacher of a run, and those that it is made of.

    Args:
        network: an untrained network from a role's model and, where its weights were written by
            kdrun, the header of their file.
        train: trains the network of a role if nobody has, and returns the folder of that run.
        plugins: packages that a `_target_` may also lie in.
        facts: what a teacher's `_target_` is told, if its signature names it.
    """

    def __init__(
        self,
        network: Callable[[Role, Mapping[str, Any]], nn.Module],
        train: Callable[[Role], Path],
        plugins: list[str],
        **facts: Any,
    ) -> None:
        self.network, self.train, self.plugins, self.facts = network, train, plugins, facts

    @property
    def _data(self) -> Dataset:
        data: Dataset = self.facts["data"]
        return data

    def build(self, role: Role) -> nn.Module:
        """The teacher of a role, not yet frozen; it may know other classes than the data.

        Raises:
            ValueError: it cannot be read, or is not for these data; the message names it.
        """
        try:
            if "model" in role:
                return self._network(role)
            members = {name: self.build(own) for name, own in role.get("members", {}).items()}
            section = {key: value for key, value in role.items() if key not in NESTED}
            facts = {**self.facts, "members": {n: Frozen(m) for n, m in members.items()}}
            teacher: nn.Module = call(section, self.plugins, **facts)
        except ValueError as error:
            raise ValueError(f"teacher {role['name']}: {error}") from error
        return teacher.to(self.facts["device"])

    def _network(self, role: Role) -> nn.Module:
        path = role["checkpoint"] or self.train(role)
        header = read_header(path)
        network = self.network(role, header)
        weights.load(network, path)
        known, wanted = header.get("classes", self._data.classes), self._data.classes
        return (
            network if known == wanted else ByName(network, known, wanted).to(self.facts["device"])
        )


def check(name: str, outputs: Outputs, objective: Objective, classes: list[str]) -> None:
    """Refuse a teacher that cannot say what a loss reads.

    Args:
        name: of the teacher.
        outputs: of an example batch.
        objective: the terms that will read them.
        classes: of the data.

    Raises:
        ValueError: it lacks a field, and which term wants it; or a class, with both lists.
    """
    for term, loss in objective.losses().items():
        if outputs.members or loss.teacher_free:
            continue
        if lacking := missing(loss, outputs):
            raise ValueError(
                f"loss.terms.{term} reads {' and '.join(lacking)}, which teacher {name} does not "
                "give; choose a loss between logits, such as kd, or a network as teacher"
            )
    if classes:
        try:
            require_all(outputs.logits, classes)
        except ValueError as error:
            raise ValueError(f"teacher {name}: {error}") from error
