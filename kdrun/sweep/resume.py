"""`kdrun resume`: what is missing of a sweep or a run, by the command that its folder holds."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.sent_yaml import check_file
from kdrun.sweep.jobs import LAUNCHER, retyped
from kdrun.terminal import printable

SWEEP = "multirun.yaml"

PLACES = (SWEEP, ".hydra/hydra.yaml")
"""Where Hydra keeps what was typed for a sweep, and for a run."""

ONCE = ("rerun=all", "rerun=teachers", "dry_run=", "job.identity=", "job.command=")
"""Overrides that held for one command only."""


def main(arguments: list[str]) -> int:
    """Type the last command of a folder again; the exit status is that of the command."""
    parser = argparse.ArgumentParser(prog="kdrun resume", description="Finish a sweep or a run.")
    parser.add_argument("folder", type=Path, help="outputs/NAME, or the folder of a run")
    parser.add_argument("overrides", nargs="*", help="KEY=VALUE to add: hydra/launcher=local")
    options = parser.parse_args(arguments)
    try:
        # Settings of one launcher mean nothing to another.
        anew = any(word.startswith("hydra/launcher=") for word in options.overrides)
        words = command(options.folder, *(LAUNCHER if anew else ()))
    except (ValueError, OSError, AttributeError, TypeError, OmegaConfBaseException) as error:
        told = " ".join(str(error).split())  # OmegaConf's are of several lines
        print(f"kdrun resume: {printable(told)}", file=sys.stderr)
        return 2
    words += options.overrides
    print("kdrun", shlex.join(words))
    sys.argv[1:] = words

    from kdrun import cli

    cli.main()
    raise AssertionError  # it exits


def command(folder: Path, *without: str) -> list[str]:
    """What to type to finish the work in a folder.

    The working folder becomes that of the first command, where the present one is another.

    Args:
        folder: of a sweep or a run.
        without: beginnings of overrides that are left out.

    Raises:
        ValueError: the folder holds no command, or was moved.
    """
    place = next((folder / name for name in PLACES if (folder / name).is_file()), None)
    if place is None:
        raise ValueError(f"{folder} is no sweep and no run: it has no {' and no '.join(PLACES)}")
    check_file(place)
    config: Any = OmegaConf.load(place)
    # As it was typed: ${seed} is that of each job, and not that of the sweep.
    task: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    words = [*retyped(config, *without), *(word for word in task if not word.startswith(ONCE))]
    sweep = place.name == SWEEP
    _go_there(folder, Path(config.hydra.runtime.cwd), _output(config, sweep))
    return ["-m", *words] if sweep else words


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
