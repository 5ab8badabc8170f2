"""`kdrun copy`: a yaml of kdrun's in a folder of yours, to be edited under a name of its own."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from kdrun.config.catalogue import ROLES, choices, groups
from kdrun.config.nearest import nearest
from kdrun.config.schema import folder
from kdrun.terminal.printable import printable


def main(arguments: list[str]) -> int:
    """Copy GROUP=CHOICE to DIR/GROUP/NAME.yaml, and say how to use it."""
    parser = argparse.ArgumentParser(
        prog="kdrun copy", description="A yaml to edit, for kdrun --config-dir DIR."
    )
    parser.add_argument("choice", metavar="GROUP=CHOICE", help="loss=kd, say")
    parser.add_argument("folder", metavar="DIR", help="a folder of configs of your own")
    parser.add_argument("--name", help="of the copy; my_CHOICE without it")
    options = parser.parse_args(arguments)
    try:
        path = copy(options.choice, Path(options.folder), options.name)
    except (ValueError, OSError) as error:
        print(f"kdrun copy: {printable(error)}", file=sys.stderr)
        return 2
    kind, *rest = path.relative_to(options.folder).with_suffix("").parts
    asked = options.choice.partition("=")[0]
    role = asked if asked in ROLES else {"model": "student"}.get(kind, kind)
    if asked.startswith("hydra/"):
        role, rest = asked, rest[1:]
    print(path)
    print(f"kdrun --config-dir {shlex.quote(options.folder)} {role}={'/'.join(rest)}")
    return 0


def copy(asked: str, into: Path, name: str | None = None) -> Path:
    """Copy the yaml of a choice.

    Args:
        asked: `GROUP=CHOICE`.
        into: a folder of configs, made where there is none.
        name: of the new choice; None for `my_` before the old one. A name of kdrun's would not
            count, since its own folder comes first.

    Returns:
        The new file.

    Raises:
        ValueError: there is no such choice, the name is one of kdrun's, or the file exists.
    """
    group, _, choice = asked.partition("=")
    own = [folder()]
    if group not in groups(own):
        raise ValueError(f"there is no group '{group}'; {nearest(group, groups(own))}")
    found = choices(group, own)
    if choice not in found:
        raise ValueError(f"{group}={choice} does not exist: {nearest(choice, found)}")
    places = ["model", group] if group in ROLES else [group]
    source = next(f for p in places if (f := folder() / p / f"{choice}.yaml").is_file())
    below = source.relative_to(folder())
    new = name or f"my_{source.stem}"
    if not new.replace("-", "_").isidentifier():
        raise ValueError(f"'{new}' is no name of a choice: letters, digits, _ and -")
    if str(below.with_name(new).relative_to(below.parts[0])) in found:
        raise ValueError(f"'{new}' is a choice of kdrun's, which comes first; give another --name")
    target = into / below.with_name(f"{new}.yaml")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(source.read_text(encoding="utf-8"))
    except FileExistsError:
        raise ValueError(f"{target} exists, and is left as it is; give another --name") from None
    return target
