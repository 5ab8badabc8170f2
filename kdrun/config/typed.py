"""The words of a command as they were typed, and as Hydra has to see them."""

from __future__ import annotations

from kdrun.security import trust

PARTS = ("dataset", "teacher", "student", "method", "transfer", "loss", "optimizer", "scheduler")
"""Groups of which an experiment may choose another part, with keys of its own."""


def opened(arguments: list[str]) -> list[str]:
    """The words of a command, with `--plugin NAME` of a run as the override that it means."""
    rest: list[str] = []
    if not (names := plugins(arguments, rest)):
        return arguments
    names |= trust.packages(rest)
    rest = [word for word in rest if not word.startswith("plugins=")]
    place = next((n for n, word in enumerate(rest) if "=" in word and word[0] != "-"), len(rest))
    return [*rest[:place], f"plugins=[{','.join(sorted(names))}]", *rest[place:]]


def plugins(arguments: list[str], rest: list[str] | None = None) -> set[str]:
    """The packages that `--plugin NAME` among some words opens; the other words go to `rest`."""
    names, words = set(), iter(arguments)
    for word in words:
        if word == "--plugin":
            names.add(next(words, ""))
        elif word.startswith("--plugin="):
            names.add(word.partition("=")[2])
        elif rest is not None:
            rest.append(word)
    return names


def within_choices(words: list[str]) -> dict[str, str]:
    """How to write overrides of keys that only the choices of a swept group may have.

    Hydra composes a sweep once without its choices, and would not find `transfer.scaler` in
    `transfer=coral,tca transfer.scaler=union`; a choice among one value it leaves to the jobs. Of
    several experiments each may choose the part that has the key.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(words)
    swept = [override.key_or_group for override in parsed if override.is_sweep_override()]
    chosen = tuple(f"{group}." for group in (*swept, *(PARTS if "experiment" in swept else ())))
    written = {}
    for word, override in zip(words, parsed, strict=True):
        below = override.key_or_group.startswith(chosen)
        if below and not override.is_sweep_override() and not override.is_delete():
            key, _, value = word.partition("=")
            written[word] = f"{key}=choice({value})"
    return written
