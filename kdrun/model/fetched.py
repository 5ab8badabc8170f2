"""What is known of weights that a library fetched by a name, which may mean others tomorrow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from kdrun.model import FETCHING
from kdrun.model.features import Network


def fetched(name: str, config: Mapping[str, Any], network: Network) -> dict[str, str] | None:
    """What a record tells of the weights with which a network begins: `layout.Record.teachers`.

    Whatever file they came in, and wherever that lies: their numbers tell them apart.

    Args:
        name: of the network.
        config: its `model`.
        network: as the library made it, before any training.

    Returns:
        None where nothing was fetched.
    """
    asked = [config[key] for key in FETCHING if config.get(key)]
    if not asked:
        return None
    head = f"net.{network.head}."
    found = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        if not key.startswith(head):  # which is new where the classes are others
            whole = tensor.detach().cpu().contiguous()
            found.update(f"{key} {whole.dtype} {tuple(whole.shape)}".encode())
            found.update(whole.flatten().view(torch.uint8).numpy().data)
    told = {"name": name, "path": _place(config, asked), "tensors_sha256": found.hexdigest()}
    commit = getattr(getattr(network.net, "config", None), "_commit_hash", None)
    return {**told, "revision": str(commit)} if commit else told


def _place(config: Mapping[str, Any], asked: list[Any]) -> str:
    """The name by which they were asked for."""
    named = config.get("name") or config.get("_target_")
    return " ".join([str(named), *(value for value in asked if isinstance(value, str))])
