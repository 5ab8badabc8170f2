"""The networks of a run, each from its role."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from kdrun import model
from kdrun.config.called import of_role
from kdrun.dataset.seen import check_unseen
from kdrun.files.checkpoint import origin
from kdrun.hub.place import local
from kdrun.model.adopt import Adopted, adopt
from kdrun.model.features import Network, Student
from kdrun.model.fetched import fetched
from kdrun.model.known import given
from kdrun.model.stack import stack
from kdrun.model.tokens import fit_tokens
from kdrun.run.loaders import Loaders
from kdrun.sample import rows_shape
from kdrun.teacher.building import Teachers
from kdrun.teacher.lineage import APART, Role
from kdrun.teacher.network import Frozen
from kdrun.teacher.once import once
from kdrun.transfer import Source
from kdrun.types import Arrays, Dataset, Shape

log = logging.getLogger(__name__)


class Networks:
    """Builds the networks of a run for its data, and gives them weights.

    Args:
        plain: the run's config as plain containers.
        load: makes batches of its data.
        dtype: of networks under autocast; None for float32.
        train: trains the network of a teacher's role if nobody has, and returns the folder of that
            run.

    Attributes:
        told: what was found and assumed of weights from elsewhere, a sentence each.
        adopted: where weights came from, for the record.
    """

    def __init__(
        self,
        plain: Mapping[str, Any],
        load: Loaders,
        dtype: torch.dtype | None,
        train: Callable[[Role], Path],
    ) -> None:
        self.plain, self.load, self.dtype, self.train = plain, load, dtype, train
        self.data, self.device = load.data, load.device
        self.told: list[str] = []
        self.adopted: list[dict[str, str]] = []

    def untrained(
        self, role: Role, header: Mapping[str, Any], shape: Shape | None = None
    ) -> Network:
        """A network for these data, or for those that a header of weights tells of.

        Args:
            role: with its model.
            header: what is known of its weights.
            shape: of what it reads; None for samples of the data.
        """
        task = self.data.task.over(header.get("classes", self.data.classes))
        network = model.build(
            role["model"],
            num_classes=task.width,
            shape=self.data.shape if shape is None else shape,
            mean=header.get("mean", self.data.mean) if shape is None else (),
            std=header.get("std", self.data.std) if shape is None else (),
            plugins=self.plain["plugins"],
            classes=task.classes,
            known="mean" in header and shape is None,
            task=task,
        )
        if shape is None and isinstance(self.data.train, Arrays):
            named = self.plain["dataset"].get("tokenizer")
            fit_tokens(network.net, named, network.own(self.data.train.inputs))
        network.dtype = self.dtype
        network.unit = tuple(header.get("unit", task.unit(self.data.train.targets)))
        if self.load.settings.channels_last and len(rows_shape(self.data.shape)) == 3:
            network.to(memory_format=torch.channels_last)
        came = fetched(role["name"], role["model"], network)
        self.adopted += [came] if came and came not in self.adopted else []
        return network.to(self.device)

    def student(self, reads_answers: bool) -> Network:
        """The student, untrained: the same for a seed beside any teacher.

        Args:
            reads_answers: whether it reads what a teacher says, not samples.
        """
        torch.manual_seed(self.plain["seed"])
        shape = (len(self.data.classes),) if reads_answers else None
        return self._begun(self.plain["student"], shape)

    def on_teacher(self, student: Student, teacher: Frozen, role: Role) -> Student:
        """A student that reads what a teacher says, on that teacher.

        Args:
            student: untrained.
            teacher: of the role.
            role: with the teacher's model.
        """
        described = {"model": role.get("model"), "classes": self.data.classes}
        return stack(student, teacher, **described, shape=self.data.shape)

    def peers(self, roles: Mapping[str, Role]) -> dict[str, Network]:
        """The networks that are trained beside the student, untrained."""
        networks = {}
        for position, (name, role) in enumerate(roles.items(), start=1):
            torch.manual_seed(self.plain["seed"] + APART * position)
            networks[name] = self._begun(role)
        return networks

    def _begun(self, role: Role, shape: Shape | None = None) -> Network:
        """A network that is to be trained: a new one, or with the weights that its role names."""
        if not role.get("checkpoint"):
            return self.untrained(role, given(role, self.data), shape)
        return self.adopt(role, Path(local(role["checkpoint"])), own=True).network

    def adopt(
        self, role: Role, path: Path, data: Dataset | None = None, own: bool = False
    ) -> Adopted:
        """The network of a role with the weights of a file, for these data or others."""
        check_unseen(path, self.data)
        data = data or self.data
        classes = {"classes": data.classes}
        adopted = adopt(role, path, lambda r, h: self.untrained(r, classes | dict(h)), data, own)
        self.adopted.append(origin(role["name"], path))
        if adopted.told:
            self.told.append(f"{role['name']}: {adopted.told}")
            log.info("%s", self.told[-1])
        return adopted

    def source(self, role: Role | None) -> Source | None:
        """What there is to transfer from; its model is trained when it is asked for."""
        beside = self.data.source
        if role is None or beside is None:
            return None

        def trained() -> Network:
            new = role.get("head") == "new"
            path = (
                self.train(role)
                if new or not role["checkpoint"]
                else Path(local(role["checkpoint"]))
            )
            plain = {**role, "head": None} if new else role
            return self.adopt(plain, path, beside, own=True).network

        return Source(self.load(beside.train), beside.classes, self.data.classes, trained)

    def teacher(self, role: Role, epochs: int = 0) -> Frozen:
        """The teacher of a role, which is trained now if nobody has yet.

        Args:
            role: of it.
            epochs: of the training that asks it, whose answers may be kept.
        """
        facts = {
            "data": self.data,
            "val_loader": self.load.val,
            "augment": self.load.augment,
            "whole": self.plain["dataset"].get("train_size") is None,
            "device": self.device,
        }
        part = partial(of_role, "teacher", plain=self.plain)
        return once(self, Teachers(self.adopt, self.train, part, facts), role, epochs)

    def later(self, role: Role | None) -> Callable[[], Frozen] | None:
        """What makes a teacher that may not be wanted."""
        return None if role is None else partial(self.teacher, role)
