"""Keys of a config that nothing reads, what was meant by them, and errors about keys in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from kdrun.config.instantiate import nearest
from kdrun.config.schema import CV, OPTIONS, Config, Train, folder

ALIKE = 0.7
"""How like another a name must be to be a slip of the pen."""


def unread(config: DictConfig) -> Iterator[str]:
    """A fault for each key that nothing reads, and no other key refers to.

    The arguments of a `_target_` are not looked at here: its signature says what it takes.

    Args:
        config: of a run, not resolved.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    referred = set(re.findall(r"\$\{(?:oc\.select:)?\s*([\w.]+)", str(plain)))
    for where, known in _known(plain):
        section = _at(plain, where)
        for key in section if isinstance(section, dict) else ():
            name = f"{where}.{key}" if where else str(key)
            read = any(one == name or one.startswith(f"{name}.") for one in referred)
            if key not in known and not read:
                others = [one for one in dotted(config) if one != name]
                yield f"{name}: nothing reads this key; {meant(str(key), known, others)}"


def _known(plain: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Sections that are no arguments of a `_target_`, and the keys that are read there."""
    yield "", [field.name for field in fields(Config)]
    yield "train", [field.name for field in fields(Train)]
    yield "cv", [field.name for field in fields(CV)]
    yield "loss", ["terms", "weights"]
    network: Any = OmegaConf.load(folder() / "teacher" / "network.yaml")
    roles = {"student": list(OmegaConf.load(folder() / "student" / "network.yaml"))}
    roles["teacher"] = [*network, "teacher", "method"]
    roles["source_model"] = ["checkpoint", "seed", "recipe", *OPTIONS]
    for where, known in roles.items():
        role = plain.get(where) or {}
        if "_target_" not in role:
            yield where, [str(key) for key in known]
            yield f"{where}.recipe", [str(key) for key in network.recipe]


def _at(plain: Any, where: str) -> Any:
    for name in where.split(".") if where else ():
        plain = plain.get(name) if isinstance(plain, dict) else None
    return plain


def dotted(config: DictConfig) -> list[str]:
    """Every key of a config by its place: `optimizer.lr`."""
    return list(_dotted(OmegaConf.to_container(config, resolve=False)))


def _dotted(section: Any, where: str = "") -> Iterator[str]:
    for key, value in section.items():
        name = f"{where}.{key}" if where else str(key)
        yield name
        if isinstance(value, dict):
            yield from _dotted(value, name)


def meant(name: str, here: Iterable[str], everywhere: Iterable[str]) -> str:
    """A hint that ends a message about a key: one like it beside it, else one in another place.

    Args:
        name: that was typed, without its place.
        here: the keys of its place.
        everywhere: all keys of the config, with dots.
    """
    import difflib

    here = [*here]
    if difflib.get_close_matches(name, here, n=1, cutoff=ALIKE):
        return nearest(name, here)
    places: dict[str, str] = {}
    for key in sorted(everywhere, key=lambda key: key.count(".")):
        places.setdefault(key.rpartition(".")[2], key)
    close = difflib.get_close_matches(name, places, n=1, cutoff=ALIKE)
    return f"did you mean '{places[close[0]]}'?" if close else nearest(name, here)


def readable(error: Exception) -> str:
    """What Hydra and OmegaConf say about a key, in a line that names the key and what is there."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    first, *rest = str(error).splitlines() or [type(error).__name__]
    if not isinstance(cause, OmegaConfBaseException):
        return "\n".join([first, *rest])
    key = str(cause.full_key or "")
    parent = cause.parent_node
    if key and isinstance(cause, ConfigKeyError | ConfigAttributeError):
        name = key.rpartition(".")[2]
        known = [str(k) for k in parent] if isinstance(parent, DictConfig) else []
        return f"{key}: there is no '{name}' here; {nearest(name, known)}"
    told = str(cause).splitlines()[0]
    _, named, said = told.partition("ValueError raised while resolving interpolation: ")
    if named and key.startswith("hydra."):  # of what the run reads, and not of its folder
        return said
    return told if not key or key in told else f"{key}: {told}"
