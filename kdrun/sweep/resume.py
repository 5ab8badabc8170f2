"""`kdrun resume`: what is missing of a sweep or a run, by the command that its folder holds.

The folder may be somebody else's. It opens no package, and where it was made elsewhere, or asks
for more than to train, the command is shown and has to be trusted by `--trust`.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.files.logfile import refuse_links
from kdrun.security import interpolations, trust
from kdrun.security.sent_yaml import check_file
from kdrun.sweep.jobs import LAUNCHER, retyped
from kdrun.terminal.printable import printable

SWEEP = "multirun.yaml"

PLACES = (SWEEP, ".hydra/hydra.yaml")
"""Where Hydra keeps what was typed for a sweep, and for a run."""

ONCE = ("rerun=all", "rerun=teachers", "dry_run=", "job.identity=", "job.command=", "job.shared=")
"""Overrides that held for one command only."""

FETCH = "dataset.download="
"""Data that were fetched are there; a folder by itself has nothing fetched."""


def main(arguments: list[str]) -> int:
    """Type the last command of a folder again; the exit status is that of the command."""
    parser = argparse.ArgumentParser(prog="kdrun resume", description="Finish a sweep or a run.")
    parser.add_argument("folder", type=Path, help="outputs/NAME, or the folder of a run")
    parser.add_argument("--trust", action="store_true", help="run what a folder of others says")
    parser.add_argument("--plugin", action="append", default=[], help="a package to trust")
    parser.add_argument("overrides", nargs="*", help="KEY=VALUE to add: hydra/launcher=local")
    options = parser.parse_intermixed_args(arguments)
    own = [f"plugins=[{','.join(options.plugin)}]"] if options.plugin else []
    typed = [*options.overrides, *own]
    try:
        # Settings of one launcher mean nothing to another.
        anew = any(word.startswith("hydra/launcher=") for word in options.overrides)
        words = command(options.folder, *(LAUNCHER if anew else ()), trusted=options.trust)
        words = _opened(options.folder, words, typed)
    except (ValueError, OSError, AttributeError, TypeError, OmegaConfBaseException) as error:
        told = " ".join(str(error).split())  # OmegaConf's are of several lines
        print(f"kdrun resume: {printable(told)}", file=sys.stderr)
        return 2
    trusted = words if options.trust else []
    words = [*words, *typed]
    print("kdrun", shlex.join(words))
    sys.argv[1:] = words

    from kdrun import cli

    cli.main(typed=[*trusted, *typed])
    raise AssertionError  # it exits


def _opened(folder: Path, words: list[str], typed: list[str]) -> list[str]:
    """The words of a folder without the packages that it names, which have to be typed.

    Raises:
        ValueError: they are not.
    """
    if lacking := sorted(trust.packages(words) - trust.packages(typed)):
        raise ValueError(
            f"{folder} was made with plugins=[{','.join(lacking)}], and a folder opens no package: "
            f"if you trust it, kdrun resume {folder} plugins=[{','.join(lacking)}]"
        )
    return [word for word in words if word.partition("=")[0].lstrip("+") != "plugins"]


def command(folder: Path, *without: str, trusted: bool = False) -> list[str]:
    """What to type to finish the work in a folder.

    The working folder becomes that of the first command, where the present one is another.

    Args:
        folder: of a sweep or a run.
        without: beginnings of overrides that are left out.
        trusted: whether the folder may be somebody else's.

    Raises:
        ValueError: the folder holds no command, was moved, or is not trusted.
    """
    trust.register()
    place = next((folder / name for name in PLACES if (folder / name).is_file()), None)
    if place is None:
        raise ValueError(f"{folder} is no sweep and no run: it has no {' and no '.join(PLACES)}")
    check_file(place)
    try:
        return _command(folder, place, without, trusted)
    except (yaml.YAMLError, OmegaConfBaseException, AttributeError, TypeError, KeyError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{place} is no command that kdrun wrote: {told:.200}") from error


def _command(folder: Path, place: Path, without: tuple[str, ...], trusted: bool) -> list[str]:
    config: Any = OmegaConf.load(place)
    interpolations.check(OmegaConf.to_container(config, resolve=False))  # type: ignore[arg-type]
    # As it was typed: ${seed} is that of each job, and not that of the sweep.
    task: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    once = ONCE if trusted else (*ONCE, FETCH)
    words = [*retyped(config, *without), *(w for w in task if not w.lstrip("+").startswith(once))]
    sweep = place.name == SWEEP
    words = [str(word) for word in (["-m", *words] if sweep else words)]
    first, output = Path(config.hydra.runtime.cwd), _output(config, sweep)
    if not trusted and (doubt := _doubt(folder, place, first, words)):
        raise ValueError(
            f"{folder} {doubt}. It would run: kdrun {shlex.join(words)}. If you trust it, "
            f"kdrun resume {folder} --trust"
        )
    refuse_links(folder)
    _go_there(folder, first, output)
    return words


HARMLESS = re.compile(
    r"hydra/(launcher=(basic|local|together|slurm|ray|null)|sweeper=(kdrun|kdrun_optuna|null))"
    r"|hydra\.launcher\.(n_jobs|gpus|threads|timeout_min|cpus_per_task|gpus_per_node|mem_gb|partition"
    r"|executor|ray\.init\.num_cpus)=.*"
    r"|hydra\.sweeper\.(n_trials|n_jobs|metrics|directions|params\.[\w.]+|sampler\.\w+|pruner\.\w+)=.*"
    r"|hydra\.(verbose|mode)=\w*"
)
"""Overrides of Hydra's own that start no code and write nowhere else."""


def _doubt(folder: Path, place: Path, first: Path, words: list[str]) -> str:
    """Why the command of a folder is not simply run; empty if it is the user's own."""
    if place.stat().st_uid != os.getuid():
        return "belongs to somebody else"
    beside = not first.is_dir() or not folder.resolve().is_relative_to(first.resolve())
    if beside:
        return f"was made in {str(first)!r:.200}, and lies elsewhere"
    for word in words:
        key, _, value = word.lstrip("+~").partition("=")
        bare = value.strip("'\"")
        if "oc.env:" in word.replace(f"oc.env:{trust.OWN}", ""):
            return f"reads the environment, {word:.100}"
        if key in ("name", "cache") and trust.leaves(bare):
            return f"writes elsewhere, {word:.100}"
        if re.fullmatch(r"logger\.[\w.]+\.uri", key):
            return f"sends its results away, {word:.100}"
        if key.startswith("hydra") and not HARMLESS.fullmatch(word.lstrip("+")):
            return f"sets {word:.100}"
    return ""


def _output(config: Any, sweep: bool) -> str:
    """The folder as the first command named it, seen from where it was typed."""
    if sweep:
        return str(config.hydra.sweep.dir)
    return str(os.path.relpath(config.hydra.runtime.output_dir, config.hydra.runtime.cwd))


def _go_there(folder: Path, first: Path, output: str) -> None:
    for start in (Path.cwd(), first):
        if (start / output).resolve() == folder.resolve():
            os.chdir(start)
            return
    raise ValueError(f"{folder} was made as {first / output}; move it there, or type its command")
