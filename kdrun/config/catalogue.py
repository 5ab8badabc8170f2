"""`kdrun list`: what can be typed, one line each. Reads yaml files and nothing else."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

from kdrun.config.instantiate import nearest
from kdrun.config.schema import folder
from kdrun.results.glossary import COLUMNS, SECTIONS
from kdrun.security.sent_yaml import check_folder
from kdrun.terminal.narrow import terminal_width
from kdrun.terminal.printable import printable

HIDDEN = {"hydra"}
OF_HYDRA = ("hydra/launcher", "hydra/sweeper")
"""Groups of Hydra's own that have choices of kdrun's."""

HYDRAS = {"hydra/launcher": {"basic": "One job after another, in this process. The default."}}
"""Choices that come with Hydra."""

ROLES = ("student", "teacher")


def main(arguments: list[str]) -> int:
    """List the groups, or the choices of one group with the first comment of each yaml."""
    parser = argparse.ArgumentParser(prog="kdrun list", description="What can be typed.")
    parser.add_argument("group", nargs="?", help="a config group, such as loss; or columns")
    parser.add_argument("--config-dir", help="a folder of configs of your own")
    options = parser.parse_args(arguments)
    if options.group == "columns":
        _list_columns()
        return 0
    try:
        check_folder(options.config_dir or folder())
    except ValueError as error:
        print(f"kdrun list: {printable(error)}", file=sys.stderr)
        return 2
    places = [folder(), *([Path(options.config_dir)] if options.config_dir else [])]
    names = groups(places)
    if options.group is None:
        for name in names:
            print(f"{name:14} {', '.join({**HYDRAS.get(name, {}), **choices(name, places)})}")
        print(f"{'columns':14} what results.csv and metrics.csv hold")
        print("\nkdrun list GROUP: a line each; kdrun options GROUP=CHOICE: its keys")
        return 0
    if options.group not in names:
        hint = nearest(options.group, [*names, "columns"])
        print(f"kdrun list: there is no group '{options.group}'; {hint}", file=sys.stderr)
        return 2
    found = {**HYDRAS.get(options.group, {}), **choices(options.group, places)}
    width = max(map(len, found), default=0)
    for name, line in found.items():
        print(f"{name:{width}}  {line}")
    return 0


def _list_columns() -> None:
    """What each column of a table means, and in which unit, in lines that fit the terminal."""
    width = max(map(len, COLUMNS))
    for place, (title, columns) in enumerate(SECTIONS.items()):
        print("\n" * bool(place) + title)
        for name, one in columns.items():
            what = ", ".join(filter(None, [one.unit, f"{one.better} is better" * bool(one.better)]))
            line = f"{name:{width}}  {one.meaning}{f' ({what})' if what else ''}"
            print(textwrap.fill(line, terminal_width(), subsequent_indent=" " * (width + 2)))


def groups(places: list[Path]) -> list[str]:
    """The names of all groups.

    Args:
        places: folders of configs.
    """
    own = {p.name for place in places for p in place.iterdir() if p.is_dir()} - HIDDEN
    return [*sorted(own), *OF_HYDRA]


def choices(group: str, places: list[Path]) -> dict[str, str]:
    """The choices of a group and what each is; a role may be played by any model."""
    found: dict[str, str] = {}
    for place in places:
        for name in ("model", group) if group in ROLES else (group,):
            for path in sorted((place / name).rglob("*.yaml")):
                choice = str(path.relative_to(place / name).with_suffix(""))
                if not (group in ROLES and choice == "network"):
                    found[choice] = summary(path)
    return dict(sorted(found.items()))


def summary(path: Path) -> str:
    """The first comment of a yaml file, which says what it is."""
    for line in path.read_text().splitlines():
        if line.startswith("#") and not line.startswith("# @"):
            return line.lstrip("# ")
    return ""
