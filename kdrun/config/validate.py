"""Every fault of a config found at once, before anything slow starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.config import called, once, ranges, word
from kdrun.config.called import roles
from kdrun.config.schema import folder
from kdrun.config.unread import dotted, meant, readable, unread
from kdrun.security import bounds, interpolations, trust
from kdrun.teacher.lineage import lineage

LONGEST = 255
"""Bytes in the name of a folder, on nearly every file system."""


class ConfigError(ValueError):
    """The user's config has faults; the message lists all of them, one a line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Typed(NamedTuple):
    """What a command means.

    Attributes:
        config: that of the run, of a sweep that of its last job.
        whole: as Hydra will have it, with its own part; None where it has to compose by itself.
    """

    config: DictConfig
    whole: DictConfig | None


def overrides(words: list[str], config_dir: str | None = None) -> DictConfig:
    """Check what the user typed against the configs there are.

    Args:
        words: overrides as on the command line, sweeps included.
        config_dir: the user's own folder of configs.

    Returns:
        The config, of a sweep that of its last job.

    Raises:
        ConfigError: with every mistyped group, choice, key and type, and whatever else is wrong
            with the config once these are left out.
    """
    return _checked(words, config_dir).config


def single(words: list[str]) -> Typed:
    """The same for a single run, with what spares Hydra to compose it once more.

    Raises:
        ConfigError: as `overrides` does.
    """
    return _checked(words, alone=True)


def _checked(words: list[str], config_dir: str | None = None, *, alone: bool = False) -> Typed:
    faults: list[str] = []
    search = [f"hydra.searchpath=[file://{Path(config_dir).resolve()}]"] if config_dir else []
    values, groups, of_hydra = [], [], []
    whole = None
    with initialize_config_dir(version_base="1.3", config_dir=str(folder()), job_name="kdrun"):
        loader = GlobalHydra.instance().config_loader()
        for override in word.parse(words, loader, faults):
            if override.is_hydra_override():
                of_hydra.append(str(override.input_line))
            if override.is_hydra_override() or override.is_delete():
                continue
            options = loader.get_group_options(  # folders too: experiment=cifar100/kd
                override.key_or_group, results_filter=None, config_name="config", overrides=search
            )
            if not options:
                values.append(override)
            elif wrong := [*word.choices(override, options), *word.apart(override)]:
                faults += wrong
            else:
                groups.append(word.first(override))
        try:
            if alone and not faults:
                whole = once.compose(loader, words)
            if whole is None:
                config = compose("config", overrides=[*search, *groups])
            else:
                config = once.without_hydra(whole)
            if config_dir:
                _closed(search, groups, of_hydra)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError([*faults, readable(error)]) from error
    for override in values if whole is None else ():
        faults += _set(override, config)
    for value in (v for one in values if one.key_or_group == "name" for v in word.values(one)):
        faults += [*trust.misplaced(value, ""), *_too_long(value)]
    _followed(config)
    if shut := _untrusted(config):
        raise ConfigError([*faults, *(told for told in shut if told not in faults)])
    faults += unread(config)
    if config.max_memory is not None and all(v.key_or_group != bounds.OPTION for v in values):
        faults.append(f"max_memory={config.max_memory}: no file raises it; type it")
    missing = list(_missing(OmegaConf.to_container(config)))
    faults += [f"{key} is not set: give {key}=VALUE" for key in missing]
    if missing:
        raise ConfigError(faults)  # nothing that interpolates it can be checked
    if faults:
        if config.cv.fold is None:  # it will be given by the sweep over them
            config.cv.folds = None
        raise ConfigError([*faults, *parts(config)])
    return Typed(config, whole)


LAUNCHER = ("hydra/launcher=", "hydra.launcher.")


def _closed(search: list[str], groups: list[str], of_hydra: list[str]) -> None:
    """Refuse a folder of configs that changes what Hydra itself starts.

    Raises:
        ConfigError: it does.
    """
    # A launcher of the folder's own is unknown without it; `trust.foreign` looks at what it is.
    without = [word for word in of_hydra if not word.lstrip("+").startswith(LAUNCHER)]
    try:
        try:
            own = compose("config", overrides=of_hydra, return_hydra_config=True).hydra
        except (HydraException, OmegaConfBaseException):
            own = compose("config", overrides=without, return_hydra_config=True).hydra
    except (HydraException, OmegaConfBaseException) as error:
        told = f"{readable(error)}; of Hydra's own parts, those of --config-dir do not count"
        raise ConfigError([told]) from error
    words = [*search, *groups, *of_hydra]
    theirs = compose("config", overrides=words, return_hydra_config=True).hydra
    plain: list[Any] = [OmegaConf.to_container(one, resolve=False) for one in (theirs, own)]
    if faults := list(trust.foreign(*plain)):
        raise ConfigError(faults)


def _followed(config: DictConfig) -> None:
    """Refuse a config whose references stand for too much, before one of them is resolved.

    Raises:
        ConfigError: it is one.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    try:
        interpolations.check(plain)
    except ValueError as error:
        raise ConfigError([str(error)]) from error


def _too_long(name: object) -> Iterator[str]:
    """What keeps the name of an experiment from being that of a folder."""
    if any(len(part.encode(errors="replace")) > LONGEST for part in str(name).split("/")):
        yield f"name={name!s:.40}…: the name of a folder has at most {LONGEST} bytes"


def _untrusted(config: DictConfig) -> list[str]:
    """What a config opens, or where it writes, though nobody typed it."""
    try:
        reached = (
            section if isinstance(section, DictConfig) else {}
            for section in (config.dataset, config.logger)
        )
        return [
            *trust.faults(config.plugins),
            *trust.misplaced(config.name, config.cache),
            *_too_long(config.name),
            *trust.reaching(*reached),
        ]
    except OmegaConfBaseException as error:
        return [readable(error)]


def _missing(config: Any, where: str = "") -> Iterator[str]:
    """The keys that have no value yet, without resolving what refers to them."""
    if isinstance(config, dict):
        for key, value in config.items():
            yield from _missing(value, f"{where}.{key}" if where else str(key))
    elif config == "???":
        yield where


def _set(override: Override, config: DictConfig) -> Iterator[str]:
    """Faults in KEY=VALUE; the value is set where there are none."""
    key = override.key_or_group
    adds = override.is_add() or override.is_force_add()
    if not adds:
        place: Any = config
        for name in key.split("."):
            known = list(place) if isinstance(place, DictConfig) else []
            if name not in known and not isinstance(place, ListConfig):
                told = f"{key}: there is no '{name}' here; {meant(name, known, dotted(config))}"
                # An argument with a default need not stand in the yaml.
                if "_target_" in known:
                    told += f"; +{key}=... adds an argument of {place._target_}"
                yield told
                return
            place = OmegaConf.select(place, name)
    for value in word.values(override):
        try:
            OmegaConf.update(config, key, value, force_add=adds)
        except OmegaConfBaseException as error:
            yield f"{key}={value}: {str(error).splitlines()[0]}"


def parts(config: DictConfig) -> list[str]:
    """Faults of a composed config: values out of range, targets that cannot be called, no files."""
    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, enum_to_str=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        return [readable(error)]
    if shut := _untrusted(config):
        return shut
    from kdrun import device
    from kdrun.config import rehearsal
    from kdrun.run import crossval
    from kdrun.teacher import keeping

    uses = plain["method"]["uses"]
    found = [*ranges.faults(plain), *device.faults(plain["train"])]
    found += [*crossval.faults(plain), *called.faults(plain)]
    for group in ("loss", "transfer"):
        found += ranges.weights(plain[group], group) if group in uses else ()
    if "transfer" in uses:
        from kdrun.train import selection

        found += selection.faults(plain)
    found += keeping.faults(plain, roles(plain))
    for where, role in roles(plain):
        if role.get("model") or "members" in role:
            from kdrun.teacher.building import faults

            found += faults(where, role)
    if not found and (loggers := called.loggers(plain)):
        from kdrun.logger import not_installed  # which few runs need

        found += not_installed(loggers)
    return found or [*_lineage(plain), *rehearsal.objections(plain, dict(roles(plain)))]


def _lineage(plain: Mapping[str, Any]) -> Iterator[str]:
    try:
        lineage(plain)
    except ValueError as error:
        yield str(error)
