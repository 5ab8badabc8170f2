"""Whether a run's teacher is asked once, and the teacher that is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from kdrun.dataset.augment import Augment
from kdrun.dataset.digest import inputs_digest
from kdrun.dataset.seen import check_unseen
from kdrun.dataset.spot import Views, has_views
from kdrun.device import device_name, precision
from kdrun.files.checkpoint import origin
from kdrun.model.features import Network
from kdrun.security import bounds
from kdrun.teacher.asked import AskedOnce
from kdrun.teacher.building import Teachers
from kdrun.teacher.content import content, weights
from kdrun.teacher.in_common import Desk, InCommon
from kdrun.teacher.keeping import keeping
from kdrun.teacher.lineage import Role
from kdrun.teacher.network import Frozen
from kdrun.teacher.room import Room

if TYPE_CHECKING:
    from kdrun.config.schema import Train
    from kdrun.run.loaders import Loaders
    from kdrun.run.side_by_side import Common

LAYOUT = 1
"""Version of what lies in a folder of answers, and of what augmentation draws."""

FOLDER = "answers"
"""Below the cache."""


class Told(Protocol):
    """What is known of a run, and where it is told what was found: `kdrun.run.networks.Networks`.

    Attributes:
        plain: the config as plain containers.
        load: makes batches of its data.
        dtype: of networks under autocast; None for float32.
        told: what was found and assumed of weights, a sentence each.
        adopted: where weights came from.
    """

    plain: Mapping[str, Any]
    load: Loaders
    dtype: torch.dtype | None
    told: list[str]
    adopted: list[dict[str, str]]


def once(networks: Told, teachers: Teachers, role: Role, epochs: int) -> Frozen:
    """The teacher of a run, of whose answers those are kept that it is worth it.

    Args:
        networks: of the run.
        teachers: builds it.
        role: of it.
        epochs: of the training that asks it; 0: it is asked otherwise.

    Raises:
        ValueError: answers are to be kept, and cannot be.
    """
    load, plain, build = networks.load, networks.plain, _builder(networks, teachers, role, epochs)
    loader, data = load.train, load.data
    keep, cache = keeping(role), Path(plain["cache"]) / FOLDER
    if keep.fields == () or not epochs or not has_views(loader):
        return build()
    pays = (
        keep.fields is not None
        or not keep.whole
        or _pays(plain, role, loader, epochs, beside=load.common is not None)
    )
    if not pays and not cache.is_dir():
        return build()
    train = teachers.train = _remembered(teachers.train)
    who = content(role, train, data, plain["plugins"])
    folder = cache / digits(load, networks.dtype, who)
    if not pays and not folder.is_dir():  # nobody has asked so far
        return build()
    room = Room(cache, bounds.size(str(plain.get("cache_limit", "20GB"))))
    parts = {"val": data.val, "test": data.test}
    samples = {name: (inputs_digest(part), len(part)) for name, part in parts.items() if part}
    before = len(networks.told)
    asked = AskedOnce(role["name"], build, folder, room, keep, loader, epochs, samples)
    if asked.is_built:
        asked.tell(networks.told[before:])
        return asked
    # What is said of a teacher that is built is said of one that is not.
    for name, path in weights(role, train):
        check_unseen(path, data)
        networks.adopted.append(origin(name, path))
    networks.told += asked.answers.about.get("told", [])

    def quietly() -> Frozen:
        adopted, told = [*networks.adopted], [*networks.told]
        made = build()
        networks.adopted[:], networks.told[:] = adopted, told
        return made

    asked.build = quietly
    return asked


def _builder(networks: Told, teachers: Teachers, role: Role, epochs: int) -> Callable[[], Frozen]:
    """What builds the teacher as it answers live: by itself, or for several runs at once."""
    load = networks.load

    def build() -> Frozen:
        if not epochs:
            return Frozen(teachers.build(role))
        if load.common is None:
            return _made(teachers, role, load.settings)
        return _in_common(networks, teachers, role, load.common)

    return build


def _remembered(train: Callable[[Role], Path]) -> Callable[[Role], Path]:
    """What trains the network of a role, and knows those that it has trained."""
    trained: dict[str, Path] = {}

    def once(one: Role) -> Path:
        key = json.dumps(one, sort_keys=True, default=str)
        if key not in trained:
            trained[key] = train(one)
        return trained[key]

    return once


def _made(teachers: Teachers, role: Role, settings: Train) -> Frozen:
    """The teacher of a training, compiled where its student is."""
    teacher = Frozen(teachers.build(role))
    if settings.compile:
        for part in teacher.modules():
            if isinstance(part, Network):
                part.net.compile()
    return teacher


def _in_common(networks: Told, teachers: Teachers, role: Role, common: Common) -> Frozen:
    """The teacher of several runs of this process, built by the first of them."""
    name = json.dumps([role, precision(networks.dtype)], sort_keys=True, default=str)
    adopted, told = len(networks.adopted), len(networks.told)

    def make() -> tuple[Desk, list[dict[str, str]], list[str]]:
        desk = Desk(_made(teachers, role, networks.load.settings), common.window)
        return desk, networks.adopted[adopted:], networks.told[told:]

    desk, origins, sentences = common.once(name, make)
    networks.adopted[adopted:], networks.told[told:] = origins, sentences
    return InCommon(desk)


def _pays(plain: Mapping[str, Any], role: Role, loader: Views, epochs: int, beside: bool) -> bool:
    """Whether the same will be asked again, as far as is known; but for those who ask `beside`."""
    if "path" in role and "missing" in role:  # a table, which is looked up as it is
        return False
    again = len({loader.view(epoch) for epoch in range(epochs)}) < epochs
    later = plain["dataset"].get("view_seed") is not None and not beside
    return again or later or bool((plain.get("job") or {}).get("shared"))


def digits(load: Loaders, dtype: torch.dtype | None, who: str) -> str:
    """What answers depend on, in 32 digits."""
    data, settings, device = load.data, load.settings, load.device
    told = {
        "layout": LAYOUT,
        "teacher": who,
        "inputs": inputs_digest(data.train),
        "augment": None if load.augment == Augment() else asdict(load.augment),
        # The order and the size of its batches decide in which company a sample is asked about.
        "view_seed": load.view_seed,
        "batch_size": settings.batch_size,
        "precision": precision(dtype),
        "channels_last": settings.channels_last,
        "device": device_name(device),
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
    }
    if settings.compile:
        told["compile"] = True
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def answered(teacher: Frozen | None, view_seed: int) -> str | None:
    """How a run comes by its teacher's answers, in a few words."""
    if teacher is None:
        return None
    if isinstance(teacher, InCommon):
        return "live, of several runs at once"
    if not isinstance(teacher, AskedOnce) or teacher.why_live or not teacher.fields:
        return "live"
    fields, views = " and ".join(teacher.fields), len(teacher.views)
    kept = f"kept: {fields}, {teacher.wanted.format}"
    return f"{kept}, {views} view{'s' * (views != 1)} of seed {view_seed}"
