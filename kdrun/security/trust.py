"""What the user typed, and so trusts: packages, variables of the environment, places to write to.

A yaml, a record, a header or the folder of a sweep may come from somebody else and opens nothing.
Jobs of a sweep are told by the process that starts them what was typed for it, in a variable of
their environment, and by nothing that lies in a folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kdrun.security.beside import open_beside
from kdrun.security.places import closed

VARIABLE = "KDRUN_TYPED"
"""By which a process tells those that it starts what was typed."""

OWN = "KDRUN_"
"""How variables begin that yaml files may read: they are settings, and no secrets."""

WHERE = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
"""Overrides that say by themselves where a run lies."""

_typed: list[str] | None = None


def register() -> None:
    """Let `${oc.env:NAME}` go by `variable`."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("oc.env", variable, replace=True)


def end() -> None:
    """Forget it: what comes then is no command line."""
    global _typed
    _typed = None
    open_beside(())


def begin(words: Iterable[str]) -> None:
    """Remember what was typed after `kdrun` in this process."""
    global _typed
    _typed = list(words)
    open_beside(packages(_typed))


def take_over() -> None:
    """Remember what was typed for the process that started this one; nothing if it does not say."""
    global _typed
    try:
        words = json.loads(os.environ.pop(VARIABLE, "[]"))
    except ValueError:
        words = []
    _typed = [str(word) for word in words] if isinstance(words, list) else []
    open_beside(packages(_typed))


def handed_on(own: Iterable[str]) -> dict[str, str]:
    """What a process has in its environment that this one starts for its own work.

    Args:
        own: the words of that process, which count where no command line began this one.
    """
    return {VARIABLE: json.dumps(list(own) if _typed is None else _typed)}


def words() -> list[str]:
    """What was typed."""
    return list(_typed or [])


def packages(typed: Iterable[str]) -> set[str]:
    """The packages that `plugins=[a,b]` among some words opens."""
    found: set[str] = set()
    for word in typed:
        key, _, value = word.partition("=")
        if key.lstrip("+") == "plugins":
            found |= set(re.findall(r"[A-Za-z_][\w.]*", value)) if "${" not in value else set()
    return found


def faults(plugins: Iterable[Any]) -> Iterator[str]:
    """Packages of a config that nobody typed, or that cannot be opened.

    In a process that is not the command line (a notebook, a test) the config is its own.
    """
    names = [str(name) for name in plugins]
    if shut := closed(names):
        yield (
            f"plugins=[{','.join(shut):.80}]: Python's own packages and those that kdrun stands on "
            "cannot be opened; name a package of yours"
        )
    if _typed is None:
        return
    if strange := sorted(set(names) - packages(_typed)):
        yield (
            f"plugins: {', '.join(strange):.100} is named in a file, which opens nothing: if you "
            f"trust it, type plugins=[{','.join(strange):.100}]"
        )


def misplaced(name: object, cache: object) -> Iterator[str]:
    """What a config says of places to write to that leave the working folder, and was not typed."""
    if _typed is None:
        return
    keys = {word.partition("=")[0].lstrip("+") for word in _typed}
    if leaves(name) and not keys & set(WHERE):
        yield (
            f"name={name!s:.60}: the name of an experiment is a folder of outputs/, and cannot "
            "leave it; to write elsewhere, give hydra.run.dir or hydra.sweep.dir by itself"
        )
    if leaves(cache) and "cache" not in keys:
        yield f"cache={cache!s:.60} is named in a file: to write there, type it"


def reaching(dataset: Mapping[str, Any], loggers: Mapping[str, Any]) -> Iterator[str]:
    """What a config would fetch, or send away, though nobody typed it.

    Args:
        dataset: the section of that name.
        loggers: likewise.
    """
    if _typed is None:
        return
    keys = {word.partition("=")[0].lstrip("+") for word in _typed}
    if dataset.get("download"):
        if "dataset.download" not in keys:
            yield "dataset.download is set in a file: to fetch the data, type dataset.download=true"
        root, own = str(dataset.get("root")), os.environ.get("KDRUN_DATA")
        elsewhere = leaves(root) and not (own and _below(root, own))
        if "dataset.download" in keys and "dataset.root" not in keys and elsewhere:
            yield f"dataset.root={root:.60} is named in a file: to fetch data into it, type it"
    for name, section in loggers.items():
        uri = section.get("uri") if isinstance(section, Mapping) else None
        if uri is not None and f"logger.{name}.uri" not in keys:
            yield f"logger.{name}.uri={uri!s:.60} is named in a file: to send to it, type it"
        mode = section.get("mode") if isinstance(section, Mapping) else None
        if mode == "online" and f"logger.{name}.mode" not in keys:
            yield f"logger.{name}.mode=online is set in a file: to send to it, type it"


def _below(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder) and ".." not in Path(path).parts


def leaves(path: object) -> bool:
    """Whether a path leads out of the folder that it is seen from."""
    text = str(path)
    parts = Path(text).parts
    return text.startswith(("/", "~")) or ".." in parts or "\0" in text


def variable(name: str, *default: str) -> str | None:
    """`${oc.env:NAME}`: of a variable that is kdrun's by its name, or that somebody typed.

    Raises:
        ValueError: a file asks for another; its value may be a secret, and would be written into
            names and records.
    """
    asked = f"oc.env:{name}"
    typed = any(asked in word.replace(" ", "") for word in words())
    if not name.startswith(OWN) and not typed and _typed is not None:
        raise ValueError(
            f"${{{asked:.60}}} stands in a file: variables are read only where you type them"
        )
    if name in os.environ:
        return os.environ[name]
    if default:
        return None if default[0] in (None, "null") else str(default[0])
    raise ValueError(f"the variable {name:.60} is not set")


CALLED = (
    *("callbacks", "launcher", "sweeper", "job_logging", "hydra_logging", "help", "hydra_help"),
    *("run", "sweep", "output_subdir", "job", "env"),
)
"""Parts of Hydra's own config that call what they name, or say where to write."""


LAUNCHERS = {
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher": None,
    "hydra_plugins.kdrun_local_launcher.LocalLauncher": "local",
    "hydra_plugins.kdrun_slurm_launcher.SlurmLauncher": "slurm",
    "hydra_plugins.kdrun_ray_launcher.RayLauncher": "ray",
    "hydra_plugins.kdrun_together_launcher.TogetherLauncher": "together",
}
"""Launchers that a file of the user's folder may name, with the yaml that kdrun has of each."""

AMOUNTS = frozenset(
    {
        *("n_jobs", "gpus", "threads", "num_cpus", "num_gpus", "max_retries", "timeout_min"),
        *("max_num_timeout", "signal_delay_s", "array_parallelism", "cpus_per_task", "mem_gb"),
        *("gpus_per_node", "partition", "account", "qos", "constraint", "exclude"),
    }
)
"""Settings of theirs that say how much and where in a queue, and start nothing."""


def foreign(config: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    """Parts of Hydra's config that a file of the user's folder has changed.

    Args:
        config: `hydra` as composed with the folder.
        own: likewise, of what was typed alone.
    """
    for part in CALLED:
        mine, theirs = _settled(own.get(part)), _settled(config.get(part))
        if mine == theirs or (part == "launcher" and _only_amounts(theirs)):
            continue
        yield f"hydra.{part} is set in a file of --config-dir: it may start code, so type it"


def _only_amounts(launcher: Any) -> bool:
    """Whether a launcher is one of kdrun's or Hydra's, as it comes but for amounts and queues."""
    if not isinstance(launcher, Mapping) or launcher.get("_target_") not in LAUNCHERS:
        return False
    name = LAUNCHERS[launcher["_target_"]]
    known: dict[str, Any] = {}
    if name is not None:
        from omegaconf import OmegaConf

        from kdrun.config.schema import folder

        loaded = OmegaConf.load(folder() / "hydra" / "launcher" / f"{name}.yaml")
        known = dict(_leaves(OmegaConf.to_container(loaded, resolve=False)))
    return all(
        key == "_target_" or known.get(key, ...) == value or _is_amount(key, value)
        for key, value in _leaves(launcher)
    )


def _is_amount(key: str, value: Any) -> bool:
    plain = value is None or isinstance(value, (int, float))
    word = isinstance(value, str) and re.fullmatch(r"[\w.,&|+-]*", value) is not None
    numbers = isinstance(value, list) and all(isinstance(one, int) for one in value)
    return key.rpartition(".")[2] in AMOUNTS and (plain or word or numbers)


def _leaves(section: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        place = f"{where}.{key}" if where else str(key)
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, place)
        else:
            yield place, value


def _settled(section: Any) -> Any:
    """A part less the choices of a search, which are overrides, and what differs by itself."""
    if not isinstance(section, Mapping):
        return section
    return {k: v for k, v in section.items() if k not in ("params", "name", "override_dirname")}
