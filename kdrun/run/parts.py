"""Stage 1 of 4: the parts of a run, built from its config. Nothing after it sees the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from kdrun.config import called
from kdrun.config.called import Called, at_root
from kdrun.config.schema import Train
from kdrun.dataset.summary import summarise, tell
from kdrun.device import choose_device, choose_dtype
from kdrun.loss.weight import Weight, parse
from kdrun.method import Method
from kdrun.model.features import Network, Student
from kdrun.model.fitted import fitted
from kdrun.objective import Objective
from kdrun.run import formats
from kdrun.run.begun import in_its_format
from kdrun.run.data import learnt_from
from kdrun.run.loaders import Loaders
from kdrun.run.networks import Networks
from kdrun.run.side_by_side import Common
from kdrun.sample import rows_shape
from kdrun.task import Task
from kdrun.teacher.building import strangers
from kdrun.teacher.keeping import keeping
from kdrun.teacher.lineage import Lineage, Role, lineage
from kdrun.teacher.network import Frozen
from kdrun.terminal import phases
from kdrun.transfer import Source, Strategy
from kdrun.types import Dataset

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Parts:
    """What a run's config names, built.

    Attributes:
        who: what is trained, for those who read along: `teacher resnet50`.
        run_dir: where the run's files go.
        cache: the folder of what runs share.
        seed: of whatever is drawn at random.
        settings: the `train` section, in the number format in which the run began.
        load: makes batches, and has the data and the device.
        read: what record.json tells of the data.
        roles: who teaches whom.
        student: untrained, and on its teacher if it reads what that says.
        teacher: frozen; None where nobody teaches.
        transfer: what the strategy is called.
        strategy: how the student gets what the source knows; None where it does not.
        source: what there is to transfer from.
        untouched: makes the teacher as it was before it was carried over; None where it was not.
        peers: networks that are trained beside the student, by name.
        objective: makes the terms of the loss, which may draw weights.
        method: makes the method, of the parts that are trained.
        optimizer: makes it, of parameters.
        scheduler: makes it, of the optimizer.
        rule: by which the epoch of an unsupervised adaptation is chosen.
        networks: where weights came from, and what was found and assumed of them.
    """

    who: str
    run_dir: Path
    cache: Path
    seed: int
    settings: Train
    load: Loaders
    read: dict[str, Any]
    roles: Lineage
    student: Student
    teacher: Frozen | None
    transfer: str
    strategy: Strategy | None
    source: Source | None
    untouched: Callable[[], Frozen] | None
    peers: Mapping[str, Network]
    objective: Callable[[], Objective]
    method: Called
    optimizer: Called
    scheduler: Called
    rule: str
    networks: Networks

    @property
    def data(self) -> Dataset:
        """What is learnt from."""
        return self.load.data

    @property
    def device(self) -> torch.device:
        """Where everything is."""
        return self.load.device


def gather(
    plain: Plain,
    settings: Train,
    run_dir: Path,
    train: Callable[[Role], Path],
    who: str = "student",
    common: Common | None = None,
) -> Parts:
    """Build the parts of a run; its teacher is trained now if nobody has yet.

    Args:
        plain: the run's config as plain containers, interpolations resolved.
        settings: its `train` section.
        run_dir: where its files go.
        train: trains the network of a teacher's role if nobody has, and returns the folder of that
            run.
        who: what is trained, for those who read along.
        common: what runs that are trained side by side share; None for one by itself.

    Raises:
        ValueError: the data are not as the config says, or do not fit the models.
    """
    settings = in_its_format(settings, run_dir)
    phases.read(plain["dataset"]["name"], who)
    load = _loaders(plain, settings, common)
    read = summarise(load.data)
    if who.startswith("student"):  # teachers learn from the same data
        tell(read, plain["job"]["command"])
    roles, objective = lineage(plain), _check(plain, load.data)
    networks = Networks(plain, load, choose_dtype(settings.precision, load.device), train)
    method = at_root("method", plain)
    student, teacher = _taught(networks, method, roles.teacher, settings.epochs)
    return Parts(
        who=who,
        run_dir=run_dir,
        cache=Path(plain["cache"]),
        seed=plain["seed"],
        settings=settings,
        load=load,
        read=read,
        roles=roles,
        student=student,
        teacher=teacher,
        transfer=plain["transfer"]["name"],
        strategy=_strategy(plain, load.data),
        source=networks.source(roles.source),
        untouched=networks.later(roles.untouched),
        peers=networks.peers(roles.peers),
        objective=objective,
        method=method,
        optimizer=at_root("optimizer", plain),
        scheduler=at_root("scheduler", plain),
        rule=plain["method"].get("select", "last"),
        networks=networks,
    )


def _taught(
    networks: Networks, method: Called, role: Role | None, epochs: int
) -> tuple[Student, Frozen | None]:
    """A student and its teacher; what is wrong with it is told before one is trained for it."""
    student: Student = networks.student(stacked := _reads_answers(method))
    if not stacked:
        formats.settle(networks, student)
    asked = 0 if stacked or _is(method).live else 1 if fitted(student) else epochs
    teacher = None if role is None else networks.teacher(role, asked)
    if stacked and teacher is not None and role is not None:
        student = networks.on_teacher(student, teacher, role)
    return student, teacher


def _reads_answers(method: Called) -> bool:
    """Whether the student's input is what the teacher says."""
    return _is(method).reads_answers


def _is(method: Called) -> type[Method]:
    """The class of a method."""
    return method.target  # type: ignore[return-value]


def _loaders(plain: Plain, settings: Train, common: Common | None) -> Loaders:
    """The data, and what makes batches of them."""
    read = partial(learnt_from, plain)
    device, data = choose_device(settings.device), common.once("data", read) if common else read()
    own, augment = plain["dataset"], called.augment(plain)()
    more = own.get("views"), own.get("view_seed"), common
    return Loaders(data, augment, plain["seed"], own.get("workers", 0), settings, device, *more)


def _check(plain: Plain, data: Dataset) -> Callable[[], Objective]:
    """What makes the terms of the loss, once it is sure that something can be learnt by them.

    Raises:
        ValueError: nothing can, or weights that are given know other classes.
    """
    method = plain["method"]
    _is(at_root("method", plain)).suits(data.task)
    taught = {"teacher", "transfer"} & {*method["uses"]} or not plain["train"]["epochs"]
    if not taught and not _labelled(data):
        raise ValueError(
            f"method={method['name']} learns from labels, and no training sample has one: set "
            "dataset.labels to all or a number, or choose a method with a source"
        )
    objective = _objective(plain, data.task)
    objective.check(data.task)
    if "teacher" in method["uses"]:
        keeping(plain["teacher"]).suits(objective.losses())
    if wrong := [*strangers(called.roles(plain), data)]:
        raise ValueError("\n".join(wrong))
    return partial(_objective, plain, data.task)


def _labelled(data: Dataset) -> bool:
    """Whether any training sample has a label."""
    return bool(data.task.known(data.train.targets).any())


def _strategy(plain: Plain, data: Dataset) -> Strategy | None:
    """How the student gets what the source knows, if the method has a strategy."""
    part, name = called.strategy(plain), plain["transfer"]["name"]
    if part is None:
        return None
    strategy: Strategy = part(cache=Path(plain["cache"]), seed=plain["seed"])
    strategy.task = data.task
    learns = strategy.supervised and strategy.epochs is None
    if learns and "teacher" not in plain["method"]["uses"] and not _labelled(data):
        raise ValueError(
            f"transfer={name} learns from the target's labels, and none is "
            "known: set dataset.labels to all or a number, or choose an adaptation."
        )
    terms = strategy.adaptation.losses() if strategy.adaptation is not None else {}
    for term, loss in terms.items():
        if loss.images and len(rows_shape(data.shape)) != 3:
            raise ValueError(
                f"transfer.terms.{term} augments images, and these are none: choose mcc, dann "
                "or shot, say"
            )
    return strategy


def _objective(plain: Plain, task: Task) -> Objective:
    """The terms of the loss with their weights; labels alone where the method reads none."""
    weights = {"ce": Weight(1.0)}
    if "loss" in plain["method"]["uses"]:
        weights = {name: parse(weight) for name, weight in plain["loss"]["weights"].items()}
    terms, counts = called.terms(plain), plain["train"]["class_weights"]
    return Objective({name: terms[name](class_weights=counts) for name in weights}, weights, task)
