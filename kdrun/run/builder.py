"""The parts of a run, each from its section of the config."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdrun import model
from kdrun.config.instantiate import call, locate, without
from kdrun.config.schema import DATASET_OWN, Sampler, Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.fold import Fold
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.dataset.seen import check_unseen
from kdrun.dataset.split import select
from kdrun.device import choose_device, choose_dtype
from kdrun.files.checkpoint import origin
from kdrun.loss.weight import Weight, parse
from kdrun.method import APART
from kdrun.model.adopt import Adopted, adopt
from kdrun.model.features import Network
from kdrun.model.fetched import fetched
from kdrun.model.known import given
from kdrun.model.stack import stack
from kdrun.model.tokens import fit_tokens
from kdrun.objective import Objective
from kdrun.sample import rows_shape
from kdrun.task.choose import with_task
from kdrun.teacher.building import Role, Teachers
from kdrun.teacher.network import Frozen
from kdrun.train.selection import SAMPLES, Selection
from kdrun.transfer import Source, Strategy, shared_classes
from kdrun.types import Arrays, Dataset, Loader, Shape, Split

log = logging.getLogger(__name__)

Config = dict[str, Any]


class Builder:
    """Calls what a run's config describes, with what only the run knows.

    Args:
        config: of the run as plain containers, interpolations resolved.
        settings: its `train` section.

    Attributes:
        device: where everything is.
        dtype: of networks under autocast; None for float32.
        data: read at once.
        told: what was found and assumed of weights from elsewhere, a sentence each.

    Raises:
        ValueError: the data are not as the config says.
    """

    def __init__(self, config: Config, settings: Train) -> None:
        self.config, self.settings = config, settings
        self.told: list[str] = []
        self.adopted: list[dict[str, str]] = []
        self.device = choose_device(settings.device)
        self.dtype = choose_dtype(settings.precision, self.device)
        section = config["dataset"]
        try:
            own = without(section, *DATASET_OWN)
            data: Dataset = self.call("dataset", own, fold=fold(config))
            self.data = with_task(data, config.get("task"), config["plugins"])
        except ValueError as error:
            raise ValueError(f"dataset {section['name']}: {error}") from error
        if config["method"].get("domain") == "source":
            if self.data.source is None:
                raise ValueError(f"dataset {section['name']}: name the domain, dataset.source=...")
            self.data = self.data.source
        self.augment = Augment(**(section.get("augment") or {}))

    def call(self, place: str, section: Mapping[str, Any], **facts: Any) -> Any:
        """Call the `_target_` of a section, which stands at a place of `kdrun.security.places`."""
        return call(section, place, self.config["plugins"], **facts)

    def loader(self, split: Split, training: bool = False) -> Loader:
        """Batches of a split."""
        return make_loader(
            split,
            self.settings.batch_size,
            seed=self.config["seed"],
            train=training,
            augment=self.augment,
            device=self.device,
            workers=self.config["dataset"].get("workers", 0),
            channels_last=self.settings.channels_last,
            task=self.data.task,
            even=self.settings.sampler is Sampler.balanced,
        )

    def network(self, role: Role, header: Mapping[str, Any], shape: Shape | None = None) -> Network:
        """An untrained network for these data, or for those that a header of weights tells of."""
        task = self.data.task.over(header.get("classes", self.data.classes))
        network = model.build(
            role["model"],
            num_classes=task.width,
            shape=self.data.shape if shape is None else shape,
            mean=header.get("mean", self.data.mean) if shape is None else (),
            std=header.get("std", self.data.std) if shape is None else (),
            plugins=self.config["plugins"],
            classes=task.classes,
            known="mean" in header and shape is None,
            task=task,
        )
        if shape is None and isinstance(self.data.train, Arrays):
            named = self.config["dataset"].get("tokenizer")
            fit_tokens(network.net, named, network.own(self.data.train.inputs))
        network.dtype = self.dtype
        network.unit = tuple(header.get("unit", task.unit(self.data.train.targets)))
        if self.settings.channels_last and len(rows_shape(self.data.shape)) == 3:
            network.to(memory_format=torch.channels_last)
        came = fetched(role["name"], role["model"], network)
        self.adopted += [came] if came and came not in self.adopted else []
        return network.to(self.device)

    def student(self) -> Network:
        """The student, untrained: the same for a seed beside any teacher."""
        torch.manual_seed(self.config["seed"])
        shape = (len(self.data.classes),) if self._method.reads_answers else None
        return self._begun(self.config["student"], shape)

    def _begun(self, role: Role, shape: Shape | None = None) -> Network:
        """A network that is to be trained: a new one, or with the weights that its role names."""
        if not role.get("checkpoint"):
            return self.network(role, given(role, self.data), shape)
        return self.adopt(role, role["checkpoint"], own=True).network

    def adopt(
        self, role: Role, path: Path, data: Dataset | None = None, own: bool = False
    ) -> Adopted:
        """The network of a role with the weights of a file, for these data or others."""
        check_unseen(path, self.data)
        data = data or self.data
        classes = {"classes": data.classes}
        adopted = adopt(role, path, lambda r, h: self.network(r, classes | dict(h)), data, own)
        self.adopted.append(origin(role["name"], path))
        if adopted.told:
            self.told.append(f"{role['name']}: {adopted.told}")
            log.info("%s", self.told[-1])
        return adopted

    def on_teacher(self, student: nn.Module, teacher: Frozen | None) -> nn.Module:
        """The student with the teacher below it, where the method wants that."""
        if not self._method.reads_answers or teacher is None:
            return student
        model = self.config["teacher"].get("model")
        return stack(
            student, teacher, model=model, classes=self.data.classes, shape=self.data.shape
        )

    def peers(self) -> dict[str, Network]:
        """The networks that are trained beside the student, untrained."""
        networks = {}
        for position, (name, role) in enumerate(self.peer_roles().items(), start=1):
            torch.manual_seed(self.config["seed"] + APART * position)
            networks[name] = self._begun(role)
        return networks

    def peer_roles(self) -> dict[str, Role]:
        """What the method names as peers; where it names none, a twin of the student."""
        section, student = self.config["method"], self.config["student"]
        if "peers" not in section:
            return {}
        return section["peers"] or {"twin": {**student, "name": f"{student['name']}_twin"}}

    def check_labels(self) -> None:
        """Refuse a method that learns from labels alone where none is known.

        Raises:
            ValueError: so it is.
        """
        method = self.config["method"]
        if not {"teacher", "transfer"} & {*method["uses"]} and not self._labelled:
            raise ValueError(
                f"method={method['name']} learns from labels, and no training sample has one: set "
                "dataset.labels to all or a number, or choose a method with a source"
            )

    @property
    def _labelled(self) -> bool:
        """Whether any training sample has a label."""
        return bool(self.data.task.known(self.data.train.targets).any())

    def strategy(self) -> Strategy | None:
        """How the student gets what the source knows, if the method has a strategy."""
        section = self.config["transfer"]
        if "transfer" not in self.config["method"]["uses"] or section["name"] is None:
            return None
        cache = Path(self.config["cache"])
        strategy: Strategy = self.call("transfer", without(section, "name"), cache=cache)
        learns = strategy.supervised and strategy.epochs is None
        if learns and "teacher" not in self.config["method"]["uses"] and not self._labelled:
            raise ValueError(
                f"transfer={section['name']} learns from the target's labels, and none is "
                "known: set dataset.labels to all or a number, or choose an adaptation."
            )
        terms = strategy.adaptation.losses() if strategy.adaptation is not None else {}
        for name, term in terms.items():
            if getattr(term, "images", False) and len(rows_shape(self.data.shape)) != 3:
                raise ValueError(
                    f"transfer.terms.{name} augments images, and these are none: choose mcc, dann "
                    "or shot, say"
                )
        return strategy

    def source(self, train: Callable[[Role], Path]) -> Source | None:
        """What there is to transfer from; `train` trains its model if nobody has yet."""
        if self.data.source is None:
            return None
        role = {**self.config["student"], **self.config["source_model"], "method": "source"}

        def trained() -> Network:
            new = role.get("head") == "new"
            path = train(role) if new or not role["checkpoint"] else Path(role["checkpoint"])
            plain = {**role, "head": None} if new else role
            return self.adopt(plain, path, beside, own=True).network

        beside = self.data.source
        return Source(self.loader(beside.train), beside.classes, self.data.classes, trained)

    def paired(self, target: Loader) -> Loader:
        """Training batches of the target, each with one of the source in the target's classes."""
        assert self.data.source is not None
        train = self.data.source.train
        classes = shared_classes(self.data.source.classes, self.data.classes)
        relabelled = replace(train, targets=classes[train.targets])
        return Paired(target, self.loader(relabelled, training=True))

    def selection(self, strategy: Strategy | None, student: nn.Module) -> Selection | None:
        """What tells which epoch counts, where labels of the target may not."""
        if strategy is None or strategy.supervised or strategy.adaptation is None:
            return None
        data = self.data
        assert data.source is not None
        some = torch.arange(0, len(data.train), -(-len(data.train) // SAMPLES))
        target, apart = self.loader(select(data.train, some)), None
        if data.source.val is not None:
            classes = shared_classes(data.source.classes, data.classes)
            own = data.source.val
            apart = self.loader(replace(own, targets=classes[own.targets]))
        rule = self.config["method"].get("select", "last")
        return Selection(rule, student, target, apart, data.task)

    def teacher_role(self) -> Role | None:
        """The role of the teacher, if the method has one."""
        role: Role | None = self._method.teacher_role(self.config)
        return role

    def untouched_role(self) -> Role | None:
        """The role of the source's own model, where the teacher came from the source."""
        role: Role | None = self._method.untouched_role(self.config)
        return role

    @property
    def _method(self) -> Any:
        return locate(self.config["method"]["_target_"], "method", self.config["plugins"])

    def teacher(
        self, role: Role, train: Callable[[Role], Path], val_loader: Loader | None
    ) -> Frozen:
        """The teacher of a role; `train` trains a network that nobody has yet."""
        teachers = Teachers(
            self.adopt,
            train,
            self.config["plugins"],
            data=self.data,
            val_loader=val_loader,
            augment=self.augment,
            whole=self.config["dataset"].get("train_size") is None,
            device=self.device,
        )
        return Frozen(teachers.build(role))

    def objective(self) -> Objective:
        """The terms of the loss with their weights; labels alone where the method reads none."""
        loss = self.config["loss"]
        if "loss" in self.config["method"]["uses"]:
            factors = {name: parse(weight) for name, weight in loss["weights"].items()}
        else:
            factors = {"ce": Weight(1.0)}
        return Objective(
            {name: self.call("loss", loss["terms"][name]) for name in factors},
            factors,
            self.data.task,
        )


def fold(config: Mapping[str, Any]) -> Fold | None:
    """What a run of a cross-validation tests on; None for the dataset's own split."""
    cv = config.get("cv") or {}
    return Fold(cv["fold"], cv["folds"]) if cv.get("folds") else None
