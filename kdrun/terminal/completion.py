"""Completion of kdrun's own commands in a shell; Hydra completes overrides."""

from __future__ import annotations

from collections.abc import Iterable

GROUPS = ("list",)
CHOICES = ("options", "copy")
"""Commands whose first argument is a group, or a group and its choice."""


def words(line: str, commands: Iterable[str]) -> list[str] | None:
    """What may stand where a line ends; None where that is for Hydra to say.

    Args:
        line: all that has been typed, `kdrun` or `python -m kdrun` first.
        commands: names of subcommands.
    """
    typed = line.split(" ")[1:]
    if typed[:2] == ["-m", "kdrun"] and line.startswith("python"):
        typed = typed[2:]
    typed = [word for word in typed[:-1] if word] + typed[-1:]
    if not typed or typed[0] not in commands or len(typed) == 1:
        return None
    command, last = typed[0], typed[-1]
    if len(typed) > 2 or command not in (*GROUPS, *CHOICES):
        return []  # files, which the shell completes where nothing is said
    return [word for word in _groups(command, last) if word.startswith(last)]


def first(line: str, commands: Iterable[str]) -> list[str]:
    """The commands that the first word of a line may become; none where it is complete."""
    typed = line.split(" ")[1:]
    return [name for name in commands if len(typed) == 1 and name.startswith(typed[0])]


def divided(line: str) -> list[str]:
    """Groups that a line may end with and that have folders within: Hydra leaves their `=` out."""
    from kdrun.config.schema import folder

    last = line.rpartition(" ")[2]
    places = sorted(place for place in folder().iterdir() if place.name.startswith(last))
    return [
        f"{one.name}=" for one in places if one.is_dir() and any(p.is_dir() for p in one.iterdir())
    ]


def _groups(command: str, last: str) -> list[str]:
    from kdrun.config.catalogue import choices, groups
    from kdrun.config.schema import folder

    places = [folder()]
    names = groups(places)
    if command in GROUPS:
        return [*names, "columns"]
    group, equals, _ = last.partition("=")
    if equals:
        return [f"{group}={name}" for name in choices(group, places)] if group in names else []
    return [f"{name}=" for name in names]
