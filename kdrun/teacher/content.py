"""What a teacher is, by content: with the same digits it says the same of the same samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kdrun.config.identity import by_content, targets
from kdrun.config.instantiate import without
from kdrun.config.schema import KEPT, OPTIONS
from kdrun.config.sources import plugin_code
from kdrun.dataset.digest import digest, inputs_digest
from kdrun.dataset.split import sample_ids
from kdrun.files.checkpoint import weights_file
from kdrun.files.fingerprint import contents
from kdrun.hub.place import local
from kdrun.types import Dataset
from kdrun.version import versions

Role = Mapping[str, Any]

LIBRARIES = (
    *("torch", "torchvision", "timm", "transformers", "scikit-learn", "onnxruntime", "numpy"),
)
"""Whose versions may change what is said."""


def content(role: Role, trained: Callable[[Role], Path], data: Dataset, plugins: list[str]) -> str:
    """64 digits of all that decides what the teacher of a role says of a sample.

    Args:
        role: of a network, an ensemble, or what else answers.
        trained: the folder of the run of a network that has no checkpoint.
        data: of the run.
        plugins: packages of the user's.
    """
    told = {
        "teacher": _what(role, trained, data),
        "task": type(data.task).__name__,
        "classes": data.classes,
        "shape": data.shape,
        "pixels": [data.mean, data.std],
        "code": plugin_code(sorted(targets(role)), plugins),
        "libraries": versions(LIBRARIES),
    }
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def weights(role: Role, trained: Callable[[Role], Path]) -> Iterator[tuple[str, Path]]:
    """The names and weights of the networks of a role, in the order in which they are built."""
    if "model" in role:
        yield role["name"], _weights(role, trained)
    members = role.get("members") or {}
    for member in sorted(members.values(), key=lambda one: "model" in one):
        yield from weights(member, trained)


def _weights(role: Role, trained: Callable[[Role], Path]) -> Path:
    own = role.get("checkpoint") and role.get("head") != "new"
    return Path(local(role["checkpoint"])) if own else trained(role)


def _what(role: Role, trained: Callable[[Role], Path], data: Dataset) -> dict[str, Any]:
    if "model" in role:
        file = weights_file(_weights(role, trained))
        options = {key: role.get(key) for key in OPTIONS}
        unit = data.task.unit(data.train.targets)
        own = by_content({"model": role["model"], "options": options})
        return {**own, "weights": contents([str(file)])[0], "unit": unit}
    members = role.get("members") or {}
    settings = by_content(without(role, "name", "members", *KEPT))
    told = {name: _what(member, trained, data) for name, member in members.items()}
    # What is fitted, looked up or weighed is so by these samples and their labels.
    about = [
        [inputs_digest(split), digest(split), sample_ids(split)]
        for split in (data.train, data.val)
        if split is not None
    ]
    return {"settings": settings, "members": told, "data": about}
