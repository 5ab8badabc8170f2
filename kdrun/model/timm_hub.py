"""Networks of timm that somebody keeps on the Hugging Face hub: `name=hf://OWNER/NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kdrun.hub.place import is_place, local
from kdrun.security import bounds
from kdrun.security.wellformed import parse_json

WEIGHTS = "model.safetensors"

READ = ("mean", "std", "num_classes", "input_size", "crop_pct", "interpolation")
"""What of a repository's `pretrained_cfg` counts: numbers about pixels, and no address."""


class Kept(NamedTuple):
    """What a repository says of a network.

    Attributes:
        name: of the architecture in timm.
        arguments: of `timm.create_model`, not yet looked at.
        overlay: of timm's `pretrained_cfg`, with the file of the weights; None for timm's own.
    """

    name: str
    arguments: dict[str, Any]
    overlay: dict[str, Any] | None


def of_hub(name: str, arguments: dict[str, Any]) -> Kept:
    """What a name means: timm's own by itself; a repository's architecture, shape and weights.

    Args:
        name: as in `timm.list_models()`, or `hf://OWNER/NAME`.
        arguments: of the user, which go before those of the repository.
    """
    if not is_place(name):
        return Kept(name, arguments, None)
    found = kept(name)
    return found._replace(arguments={**found.arguments, **arguments})


def describe(net: Any, name: str, arguments: Mapping[str, Any], small: bool) -> None:
    """Write on a network what rebuilds it without the hub.

    Args:
        net: of timm.
        name: of its architecture.
        arguments: of `timm.create_model`.
        small: whether its stem is.
    """
    sizes = ("num_classes", "in_chans")
    shaped = {key: value for key, value in arguments.items() if key not in sizes}
    described = {"_target_": "kdrun.model.timm.create", "name": name, **shaped}
    net.described = {**described, "stem": "small" if small else "native"}


def kept(name: str) -> Kept:
    """Read the repository of a network, as `timm.models.push_to_hf_hub` writes it.

    Raises:
        ValueError: it is none.
    """
    folder = Path(local(name))
    try:
        told = parse_json(bounds.content(folder / "config.json", bounds.JSON))
    except (OSError, ValueError) as error:
        raise ValueError(f"{name} has no config.json that can be read: {error}") from error
    if not isinstance(told, Mapping) or not isinstance(told.get("architecture"), str):
        raise ValueError(f"{name} names no architecture of timm: its config.json is of others")
    if not (folder / WEIGHTS).is_file():
        raise ValueError(f"{name} has no {WEIGHTS}, and pickles are not read")
    said, arguments = (told.get(key) or {} for key in ("pretrained_cfg", "model_args"))
    if not isinstance(said, Mapping) or not isinstance(arguments, Mapping):
        raise ValueError(f"{name} has a malformed config.json")
    overlay = {key: said[key] for key in READ if key in said}
    if "num_classes" in told:
        overlay["num_classes"] = told["num_classes"]
    return Kept(told["architecture"], dict(arguments), {**overlay, "file": str(folder / WEIGHTS)})
