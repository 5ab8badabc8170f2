"""From a role in a config to a teacher: a network, or what a yaml of configs/teacher calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdrun.config.called import Called
from kdrun.config.instantiate import without
from kdrun.files.archive import read_archive
from kdrun.files.checkpoint import read_header, read_reader
from kdrun.hub.place import local
from kdrun.loss.members import missing
from kdrun.model.adopt import Adopted
from kdrun.model.foreign import flatten
from kdrun.model.known import OPTIONS
from kdrun.model.known import faults as known_faults
from kdrun.objective import Objective
from kdrun.score.evaluate import ratio
from kdrun.teacher.classes import UNKNOWN, ByName, few, name_classes, require_all
from kdrun.teacher.ensemble import check_weights
from kdrun.teacher.headless import Headless
from kdrun.teacher.lineage import Role
from kdrun.teacher.network import Frozen
from kdrun.types import Dataset, Outputs


class Teachers:
    """Builds the teacher of a run, and those that it is made of.

    Args:
        adopt: the network of a role with the weights of a file.
        train: trains the network of a role if nobody has, and returns the folder of that run.
        part: what makes the teacher of a role that is no network.
        facts: what that is told: `kdrun.config.called.FACTS`.
    """

    def __init__(
        self,
        adopt: Callable[[Role, Path], Adopted],
        train: Callable[[Role], Path],
        part: Callable[[Role], Called],
        facts: Mapping[str, Any],
    ) -> None:
        self.adopt, self.train, self.part, self.facts = adopt, train, part, facts

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
            members = self._members(role.get("members") or {})
            teacher: nn.Module = self.part(role)(**self.facts, members=members)
        except ValueError as error:
            raise ValueError(f"teacher {role['name']}: {error}") from error
        return teacher.to(self.facts["device"])

    def _members(self, roles: Mapping[str, Role]) -> dict[str, Frozen]:
        # Networks come last: before one is trained for an hour, every table has been read.
        order = sorted(roles, key=lambda name: "model" in roles[name])
        built = {name: Frozen(self.build(roles[name])) for name in order}
        return {name: built[name] for name in roles}

    def _network(self, role: Role) -> nn.Module:
        if role.get("checkpoint") and role.get("head") != "new":
            network, own, _ = self.adopt(role, Path(local(role["checkpoint"])))
        else:  # what was said of the weights it began with is now in its own file
            network, own, _ = self.adopt(without(role, *OPTIONS), self.train(role))
        if role.get("head") == "none":
            return Headless(network, self._data.task.width)
        wanted = self._data.classes
        known = name_classes(own, wanted) if self._data.task.named else own
        if known == wanted:
            return network
        named: nn.Module = ByName(network, known, wanted).to(self.facts["device"])
        return named


def faults(where: str, role: Role) -> Iterator[str]:
    """What is wrong with a teacher as far as one can see before anything is loaded or trained.

    Args:
        where: the place of the role in the config.
        role: of a network or an ensemble.
    """
    yield from (f"{where}.{told}" for told in known_faults(role))
    if role.get("head") == "none" and not where.startswith("teacher"):
        yield f"{where}.head=none: a teacher alone can do without a classifier; keep or new"
    if path := role.get("checkpoint"):
        yield from (f"{where}.checkpoint: {told}" for told in _unreadable(path))
    if "members" in role:
        yield from _members(where, role)


def _foreign(path: Path) -> Iterator[str]:
    """Weights that kdrun did not write must be some."""
    try:
        if not flatten(read_archive(path)):
            yield f"{path} holds no tensors: give a file with the network's state_dict"
    except (ValueError, OSError) as error:
        yield str(error)


def _unreadable(path: str) -> Iterator[str]:
    try:
        header = read_header(path)
    except (ValueError, OSError) as error:
        yield str(error)
        return
    if not header:
        yield from _foreign(Path(path))


def strangers(roles: Iterable[tuple[str, Role]], data: Dataset) -> Iterator[str]:
    """Weights that do not know the classes of the data, told before anything is trained.

    Args:
        roles: of a run's networks, with their place in its config.
        data: of the run.
    """
    for where, role in roles:
        beside = data.source if where == "source_model" else None
        classes = (beside or data).classes
        path = role.get("checkpoint")
        if not path or role.get("head") in ("new", "none") or role.get("classes") is not None:
            continue
        header = read_header(path)
        if told := _other_tokens(path, beside or data):
            yield f"{where}.checkpoint: {told}"
            continue
        known = set(header.get("classes", classes))
        # A member of an ensemble need not know all of them.
        strange = known.isdisjoint(classes) if ".members." in where else not known >= {*classes}
        if strange and classes:
            yield (
                f"{where}.checkpoint: {path} knows {few(header['classes'])}, but the dataset has "
                f"{few(classes)}"
            )


def _other_tokens(path: str, data: Dataset) -> str:
    """Why a language model does not read the tokens of the data; empty if it does."""
    own = (data.reader or {}).get("tokenizer")
    if not isinstance(own, str):
        return ""
    theirs = (read_reader(path) or {}).get("tokenizer")
    if not isinstance(theirs, str) or theirs == own:
        return ""
    return (
        f"{path} was trained on other tokens than those of the data, whatever their number: "
        f"dataset.tokenizer={path} cuts the data into its own"
    )


def _members(where: str, role: Role) -> Iterator[str]:
    members: Mapping[str, Role] = role["members"]
    if len(members) < 2:
        yield f"{where}.members: give two or more, +teacher@{where}.members.NAME=TEACHER"
    try:
        check_weights(role.get("weights"), members)
    except ValueError as error:
        yield f"{where}.weights: {error}"
    for (one, this), (other, that) in combinations(members.items(), 2):
        if this == that:
            yield (
                f"{where}.members: {one} and {other} are alike, and say the same; a network "
                f"becomes another by its seed, {where}.members.{other}.seed=1"
            )


def taught(
    teacher: Frozen,
    metrics: Mapping[str, Any],
    data: Dataset,
    device: torch.device,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Columns about a teacher: its size and speed, and how much of it the student has kept.

    Args:
        teacher: of the run.
        metrics: of its student, on test samples.
        data: that both were asked about.
        device: where the teacher answers.
        cache: the folder that keeps measurements of latency.
    """
    columns: dict[str, Any] = {"teacher_params": teacher.size, **teacher.facts()}
    if teacher.size:
        columns["compression"] = ratio(teacher.size, metrics["student_params"])
    headline = data.task.metric(data.task.headline)
    before = metrics.get(f"teacher_{headline.name}")
    if headline.unit == "%" and before is not None:
        columns["retention"] = ratio(metrics[f"test_{headline.name}"], before)
    if teacher.live and data.shape:
        columns["teacher_latency_ms"] = teacher.timed(data.shape, device, cache).ms
    return columns


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
    if classes and bool((outputs.logits == UNKNOWN).all()):
        for term, loss in objective.losses().items():
            if "logits" in loss.needs and not loss.teacher_free:
                raise ValueError(
                    f"loss.terms.{term} reads logits, and teacher {name} has no classifier "
                    "(head=none); choose a loss between embeddings, such as pca_embedding"
                )
    elif classes:
        try:
            require_all(outputs.logits, classes)
        except ValueError as error:
            raise ValueError(f"teacher {name}: {error}") from error
