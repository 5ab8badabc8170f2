"""A word of a command by itself: what it sets, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from kdrun.config.nearest import nearest
from kdrun.config.schema import folder


def parse(words: list[str], loader: ConfigLoader, faults: list[str]) -> Iterator[Override]:
    """What each word is; those that are no override become faults."""
    parser = OverridesParser.create(config_loader=loader)  # which expands glob(...)
    for word in words:
        try:
            yield from parser.parse_overrides([word])
        except HydraException as error:
            hint = str(error).splitlines()[0] if "=" in word else "write KEY=VALUE"
            faults.append(f"'{word}' is not an override: {hint}")


def values(override: Override) -> list[Any]:
    """All that it sets, one after the other in a sweep."""
    if override.is_sweep_override():
        return list(override.sweep_iterator()) if override.is_discrete_sweep() else []
    return [override.value()]


def first(override: Override) -> str:
    """The word with the first of its values."""
    if not override.is_sweep_override():
        return str(override.input_line)
    return f"{override.get_key_element()}={next(override.sweep_string_iterator())}"


def choices(override: Override, options: list[str]) -> Iterator[str]:
    """Faults in GROUP=CHOICE."""
    group = override.key_or_group
    for value in values(override):
        for choice in value if isinstance(value, list) else [value]:
            name = str(choice)
            if choice is not None and name not in options and "/" not in name:
                yield f"{group}={name} does not exist: {nearest(name, options)}"
            elif "/" in name and not (folder() / group / f"{name}.yaml").is_file():
                below = [
                    str(path.relative_to(folder() / group).with_suffix(""))
                    for path in (folder() / group).rglob("*.yaml")
                ]
                yield f"{group}={name} does not exist: {nearest(name, below)}"


def apart(override: Override) -> Iterator[str]:
    """Faults in a list of transfers: one that has no terms cannot be put together with others."""
    for names in values(override) if override.key_or_group == "transfer" else ():
        for name in names if isinstance(names, list) and len(names) > 1 else ():
            path = folder() / "transfer" / f"{name}.yaml"
            if path.is_file() and "terms" not in OmegaConf.load(path):
                yield f"transfer={name} stands alone: lists are of terms, as [dann,mcc]"
