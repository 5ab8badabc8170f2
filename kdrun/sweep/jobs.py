"""The jobs of a sweep: composed quickly, and placed in their folders. Imports no torch."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import pickle
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from kdrun.config.identity import Identity, identify, unchanged
from kdrun.config.schema import Rerun
from kdrun.results.record import write_atomic
from kdrun.run.done import ended
from kdrun.security import bounds
from kdrun.sweep.shared import repeated

KNOWN = ".jobs.json"
"""Where a sweep's folder keeps which overrides lead to which run."""


@dataclass(frozen=True, eq=False)
class Job:
    """One job of a sweep.

    Attributes:
        overrides: as typed: `("seed=1", "loss=kd")`.
        run_dir: the folder of its run.
        label: what a person knows it by.
        config: resolved, less Hydra's part; None where the folder was known without composing.
        what: the run is; None likewise.
        shared: whether another job asks a teacher the same.
    """

    overrides: tuple[str, ...]
    run_dir: Path
    label: str
    config: DictConfig | None = None
    what: Identity | None = None
    shared: bool = False

    def ended(self, rerun: Rerun) -> bool:
        """Whether it is not to be run (again)."""
        return self.what is None or bool(ended(self.run_dir, rerun, self.what.digest))

    def words(self, command: str) -> list[str]:
        """Its overrides, with what holds it to be what it is now, and says who asks for it."""
        told = [f"job.command={command}"]
        return [
            *self.overrides,
            *told,
            *([f"job.identity='{self.what.digest}'"] if self.what else []),
            *(["job.shared=true"] if self.shared else []),
        ]


class Composer:
    """Composes the jobs of one sweep; those that choose the same parts share Hydra's work.

    Hydra takes some 80 ms to compose a config, nearly all of it for the parts. Here that is paid
    once for each choice of parts, and a seed or a rate is set in a copy (5 ms).

    Args:
        loader: Hydra's.
        master: the config of the sweep.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader, self.master = loader, master
        self.parse = cache(OverridesParser.create().parse_override)
        typed = list(master.hydra.overrides.hydra)  # may name more places to search
        self.is_group = cache(
            lambda key: bool(
                loader.get_group_options(
                    key, config_name=master.hydra.job.config_name, overrides=typed
                )
            )
        )
        self.bases: dict[tuple[str, ...], bytes] = {}  # a pickle is copied six times as fast

    def __call__(self, overrides: Sequence[str]) -> DictConfig:
        """The same as Hydra's `load_sweep_config`.

        Raises:
            HydraException: as Hydra does.
        """
        parsed = [self.parse(word) for word in overrides]
        if not all(map(self._is_plain, parsed)):
            return self.loader.load_sweep_config(self.master, list(overrides))
        values = [one for one in parsed if not self.is_group(one.key_or_group)]
        groups = tuple(str(one.input_line) for one in parsed if one not in values)
        if groups not in self.bases:
            base = self.loader.load_sweep_config(self.master, list(groups))
            self.bases[groups] = pickle.dumps(base, pickle.HIGHEST_PROTOCOL)
        config: DictConfig = pickle.loads(self.bases[groups])
        for value in values:
            OmegaConf.update(config, value.key_or_group, value.value(), merge=True)
        config.hydra.overrides.task = list(overrides)
        spelling = config.hydra.job.config.override_dirname
        config.hydra.job.override_dirname = get_overrides_dirname(parsed, **spelling)
        return config

    def for_launcher(self, context: HydraContext) -> HydraContext:
        """What Hydra's own launcher is to work with, so that jobs are not composed once more."""
        loader = copy.copy(self.loader)
        loader.load_sweep_config = lambda master_config, sweep_overrides: self(sweep_overrides)  # type: ignore[method-assign]
        return HydraContext(config_loader=loader, callbacks=context.callbacks)

    def _is_plain(self, override: Override) -> bool:
        """Whether it sets a key that is there, or chooses a part."""
        if override.type is not OverrideType.CHANGE or override.is_sweep_override():
            return False
        if override.is_hydra_override():
            return False
        return not (self.is_group(override.key_or_group) and isinstance(override.value(), dict))


def settle(overrides: Sequence[str], label: str, config: DictConfig) -> Job:
    """Find the folder of a composed job as Hydra will, and resolve its config.

    Raises:
        OmegaConfBaseException: the config refers to what is not there.
    """
    hydra = HydraConfig.instance()
    before = hydra.cfg
    try:
        hydra.set_config(config)  # for ${hydra:...}
        run_dir = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir))
        with open_dict(config):
            del config["hydra"]
        OmegaConf.resolve(config)
    finally:
        hydra.cfg = before
    return Job(tuple(overrides), run_dir, label or run_dir.name, config, identify(config))


def command_of(master: DictConfig) -> str:
    """A name of the command that a sweep is, the same in all of its jobs."""
    if master.job.command is None:
        master.job.command = f"c{uuid.uuid4().hex[:12]}"  # with a letter: Hydra makes 12 a number
    return str(master.job.command)


LAUNCHER = ("hydra/launcher=", "hydra.launcher.")
SWEEPER = ("hydra/sweeper=", "hydra.sweeper.")
"""How overrides begin that say how a sweep is executed."""


def retyped(config: DictConfig, *without: str) -> list[str]:
    """What was typed for all jobs of a sweep, beside the overrides of the jobs.

    Args:
        config: of the sweep, or of a job of it.
        without: beginnings of overrides that are left out.
    """
    left_out = ("hydra.mode=", *without)
    typed: Any = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    words = [word for word in typed if not word.startswith(left_out)]
    for source in config.hydra.runtime.config_sources:
        if source.provider == "command-line":
            words = ["--config-dir", source.path, *words]
    return words


def telling_apart(batch: Sequence[Sequence[str]]) -> list[str]:
    """What a person knows each job by: its overrides, less those that all jobs share."""
    shared = set(batch[0]).intersection(*batch) if len(batch) > 1 else set()
    return [" ".join(word for word in words if word not in shared) for words in batch]


def commands(
    loader: ConfigLoader, master: DictConfig, batch: Sequence[Sequence[str]]
) -> dict[Job, list[str]]:
    """What to type after `kdrun` for each job of a sweep to run by itself, in the same folder.

    Args:
        loader: Hydra's.
        master: the config of the sweep.
        batch: the overrides of each job, as Hydra's launchers are given them.
    """
    compose = Composer(loader, master)
    shared = retyped(master, *LAUNCHER, *SWEEPER)
    found = {}
    each = zip(batch, telling_apart(batch), strict=True)
    for job in marked([settle(words, label, compose(words)) for words, label in each]):
        place = str(job.run_dir).replace("\\", "\\\\").replace("'", "\\'")
        found[job] = [*shared, *job.words(command_of(master)), f"hydra.run.dir='{place}'"]
    return found


def marked(jobs: Iterable[Job]) -> list[Job]:
    """The jobs, each told whether another asks a teacher the same."""
    jobs = list(jobs)
    alike = repeated(job.config for job in jobs)
    return [replace(job, shared=more) for job, more in zip(jobs, alike, strict=True)]


def to_console(config: DictConfig) -> list[str]:
    """What to type for a job whose output goes to run.log, so that its logger need not."""
    handlers = "hydra.job_logging.root.handlers"
    return [f"{handlers}=[console]"] if OmegaConf.select(config, handlers) else []


class Known:
    """What earlier commands found out about where jobs lie, so that done ones are not composed.

    It counts only while every yaml file, what these read from the environment, the rules of a
    run's identity, and what holds for all jobs are as they were.

    Args:
        sweep_dir: the folder of the sweep, which keeps the file.
        master: the config of the sweep.
    """

    def __init__(self, sweep_dir: Path, master: DictConfig) -> None:
        self.path = sweep_dir / KNOWN
        self.digest = _digest(master)
        self.places: dict[str, str] = {}
        # It is a cache: what cannot be read is made again.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            stored = json.loads(bounds.content(self.path))
            if stored["digest"] == self.digest:
                self.places = {str(key): str(place) for key, place in stored["places"].items()}

    def done(self, overrides: Iterable[str], rerun: Rerun) -> Path | None:
        """The folder of a job that is known to be done, with nothing changed that it has read."""
        identity, _, place = self.places.get(json.dumps([*overrides]), "").partition(" ")
        record = ended(Path(place), rerun, identity) if place else None
        if record is None:
            return None
        plugins = {name: code for name, code in record.get("code", {}).items() if name != "kdrun"}
        if unchanged(record.get("files", {}), plugins):
            return None
        return Path(place)

    def save(self, jobs: Iterable[Job]) -> None:
        """Remember where these lie."""
        places = {
            json.dumps([*job.overrides]): f"{job.what.digest} {job.run_dir}"
            for job in jobs
            if job.what is not None and "${" not in job.label
        }
        if not places.items() <= self.places.items():
            stored = {"digest": self.digest, "places": self.places | places}
            write_atomic(self.path, json.dumps(stored))


def _digest(master: DictConfig) -> str:
    """Of whatever else than a job's own overrides decides what its run is."""
    own = Path(__file__).parents[1]
    files = [
        own / name
        for name in (
            "config/schema.py",
            "config/roles.py",
            "config/identity.py",
            "files/fingerprint.py",
        )
    ]
    for source in master.hydra.runtime.config_sources:
        if source.schema == "file":
            files += sorted(Path(source.path).rglob("*.yaml"))
    found = hashlib.sha256(os.getcwd().encode())
    variables = set()
    for path in files:
        content = path.read_text()
        found.update(f"\n{path}\n{content}".encode())
        variables |= set(re.findall(r"\$\{oc\.env:\s*(\w+)", content))
    environment = [[name, os.environ.get(name)] for name in sorted(variables)]
    typed = OmegaConf.to_container(master.hydra.overrides.hydra)
    found.update(json.dumps([environment, typed, master.hydra.runtime.version]).encode())
    return found.hexdigest()
