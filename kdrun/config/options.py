"""`kdrun options`: each key of a group with its type, default and meaning, by the yaml's comments.

Reads yaml files and the source of what they name; imports neither.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from enum import EnumMeta
from pathlib import Path
from typing import Any

from kdrun.config import schema
from kdrun.config.catalogue import ROLES, choices, groups
from kdrun.config.comments import Key, Yaml, read
from kdrun.config.documented import Argument, arguments
from kdrun.config.nearest import nearest
from kdrun.security.sent_yaml import check_folder
from kdrun.terminal.narrow import terminal_width
from kdrun.terminal.printable import printable

EVERYWHERE = {
    "name": "what tables, messages and the names of folders call it",
    "uses": "the groups that it reads; of the others nothing counts",
    "weights": "how much each term counts: a number, or {value, initial, warmup, shape, start, "
    "until}, of epochs; weights.TERM=VALUE sets one",
    "model": "the network: see configs/model",
}
"""What keys mean that most choices of a group have."""

GIVEN = (
    "num_classes",
    "classes",
    "in_channels",
    "in_features",
    "image_size",
    "fold",
    "uses",
    "class_weights",
)
"""Arguments that a run passes by itself; nobody has to type them."""


@dataclass(frozen=True)
class Option:
    """A key that can be typed.

    Attributes:
        key: with dots, `train.epochs`; `+` before one that is an argument but not in the yaml.
        default: as it is written.
        kind: its type in words; empty where nothing says it.
        allowed: all its values, where they can be listed.
        meaning: what its comment says; empty without one.
    """

    key: str
    default: str
    kind: str
    allowed: tuple[str, ...]
    meaning: str

    def told(self, width: int) -> str:
        """As lines of a terminal."""
        what = " | ".join(self.allowed) or self.kind
        first = f"{self.key}={self.default}{f'   ({what})' if what else ''}"
        pad = " " * 4
        return "\n".join(
            [first, textwrap.fill(self.meaning, width, initial_indent=pad, subsequent_indent=pad)]
        )


def main(arguments: list[str]) -> int:
    """Print the options of a group's choice, or of what stands in no group."""
    parser = argparse.ArgumentParser(
        prog="kdrun options", description="Each key: type, allowed values, default, meaning."
    )
    parser.add_argument(
        "group", nargs="?", help="GROUP, as train, or GROUP=CHOICE, as loss=kd; none: the root"
    )
    parser.add_argument("--config-dir", help="a folder of configs of your own")
    options = parser.parse_args(arguments)
    places = [schema.folder(), *([Path(options.config_dir)] if options.config_dir else [])]
    try:
        for place in places:
            check_folder(place)
        print(_page(options.group, places))
    except ValueError as error:
        print(f"kdrun options: {printable(error)}", file=sys.stderr)
        return 2
    return 0


def _page(asked: str | None, places: list[Path]) -> str:
    width = terminal_width()
    if not asked:
        told = [option.told(width) for option in root()]
        names = ", ".join(groups(places))
        return "\n".join([*told, "", textwrap.fill(f"Groups, kdrun options GROUP: {names}", width)])
    group, _, choice = asked.partition("=")
    if group not in groups(places):
        raise ValueError(f"there is no group '{group}'; {nearest(group, groups(places))}")
    found = choices(group, places)
    if choice and choice not in found:
        raise ValueError(f"{group}={choice} does not exist: {nearest(choice, found)}")
    head = ""
    if not choice:
        choice = default(group, found)
        others = ", ".join(name for name in found if name != choice)
        head = textwrap.fill(f"kdrun options {group}=CHOICE, of: {others}", width) if others else ""
    title = f"{group}={choice}: {read(_path(group, choice, places)).title}"
    told = [option.told(width) for option in of(group, choice, places)]
    return "\n".join([*filter(None, [head]), textwrap.fill(title, width), "", *told])


def default(group: str, found: dict[str, str]) -> str:
    """The choice of a group where nobody types another; the first where there is none."""
    for name, choice, _ in read(schema.folder() / "config.yaml").defaults():
        if name.removeprefix("override /") == group and choice in found:
            return choice
    return next(iter(found))


def root() -> list[Option]:
    """The keys of the config that are in no group."""
    yaml = read(schema.folder() / "config.yaml")
    keys = [key for key in yaml.keys() if not key.path.startswith(("hydra.", "loss."))]  # noqa: SIM118
    return [_option(key, "", _fields(schema.Config)) for key in keys]


def of(group: str, choice: str, places: list[Path]) -> list[Option]:
    """The keys of a choice of a group.

    Args:
        group: a folder of configs, or a role of models.
        choice: a yaml file in it, without its ending.
        places: folders of configs.
    """
    path = _path(group, choice, places)
    yaml = read(path)
    if group == "experiment":
        return list(_settings(yaml, places))
    if group in ROLES and path.parent.name == "model":
        around = read(schema.folder() / group / "network.yaml")
        keys = [key for key in around.keys() if key.path not in ("name", "model")]  # noqa: SIM118
        return [*(_option(key, f"{group}.") for key in keys), *_own(yaml, f"{group}.model.")]
    prefix = "student.model." if group == "model" else f"{group.replace('/', '.')}."
    before: list[Option] = []
    for name, chosen, meaning in yaml.defaults():
        if name == "network":
            before += [_option(k, prefix) for k in read(path.with_name("network.yaml")).keys()]  # noqa: SIM118
        elif name == "sklearn" and not chosen:
            before += of(group, "sklearn", places)
        elif name.startswith("/") and "@" in name:
            told, _, place = name[1:].partition("@")
            before.append(Option(f"{told}@{prefix}{place}", chosen, "", (), meaning))
    own = list(_own(yaml, prefix))
    said = " ".join(f"{option.key} {option.key}." for option in own)
    return [*(one for one in before if f"{one.key}." not in said), *own]


def _path(group: str, choice: str, places: list[Path]) -> Path:
    for folder in ("model", group) if group in ROLES else (group,):
        for place in places:
            if (path := place / folder / f"{choice}.yaml").is_file():
                return path
    raise ValueError(f"{group}={choice} does not exist")


def _own(yaml: Yaml, prefix: str) -> Iterator[Option]:
    """The keys of a file, and the arguments of its `_target_` that it leaves as they are."""
    written = _fields(schema.Train) if prefix == "train." else {}
    keys = yaml.keys()
    for key in keys:
        yield _option(key, prefix, written)
    said = {(key.target, key.path.rpartition(".")[2]) for key in keys}
    inner = {key.target: key.path.rpartition(".")[0] for key in keys if key.target}
    for target, place in {yaml.target(): "", **inner}.items():
        for name, one in arguments(target).items():
            meant = one.meaning and one.default is not None and name not in GIVEN
            if meant and (target, name) not in said:
                where = f"{prefix}{place}.{name}" if place else f"{prefix}{name}"
                yield Option(f"+{where}", _spelled(one), _kind(one), one.allowed, one.meaning)


def _option(key: Key, prefix: str, written: dict[str, Argument] | None = None) -> Option:
    name = key.path.rpartition(".")[2]
    said = arguments(key.target).get(name) or (written or {}).get(key.path) or Argument()
    meaning = key.comment or said.meaning or EVERYWHERE.get(name, "")
    allowed = said.allowed or (("true", "false") if key.kind == "bool" else ())
    kind = _kind(said) or key.kind
    return Option(f"{prefix}{key.path}", key.value, kind, allowed, meaning)


def _kind(one: Argument) -> str:
    """A type of Python in words."""
    if not one.annotation or "Any" in one.annotation:
        return ""
    words = [word.strip() for word in one.annotation.split("|")]
    return " or ".join(_in_words(word) for word in words)


def _in_words(annotation: str) -> str:
    outer, _, inner = annotation.partition("[")
    if outer in ("Sequence", "list", "tuple", "Iterable") and inner:
        return f"list of {inner[:-1].partition(',')[0]}"
    return {"None": "null", "Mapping": "mapping", "dict": "mapping"}.get(outer, annotation)


def _spelled(one: Argument) -> str:
    """A default of Python as yaml has it."""
    text = (one.default or "").strip("'\"")
    return {"None": "null", "True": "true", "False": "false"}.get(text, text)


def _fields(record: type, where: str = "") -> dict[str, Argument]:
    """What the typed part of the config says of its keys."""
    import typing

    found: dict[str, Argument] = {}
    for name, hint in typing.get_type_hints(record).items():
        place = f"{where}.{name}" if where else name
        if is_dataclass(hint):
            found |= _fields(typing.cast("type", hint), place)
        elif isinstance(hint, EnumMeta):
            members: Any = hint
            found[place] = Argument("", tuple(member.value for member in members))
        else:
            plain = hint.__name__ if isinstance(hint, type) else str(hint)
            found[place] = Argument(plain.replace("typing.", ""))
    return found


def _settings(yaml: Yaml, places: list[Path]) -> Iterator[Option]:
    """What an experiment sets, each with what its group says of it."""
    chosen = {}
    for name, choice, _ in yaml.defaults():
        if name.startswith("override /"):
            chosen[name.removeprefix("override /")] = choice
    known = {option.key: option for option in root()}
    for group in {key.path.partition(".")[0] for key in yaml.keys()} & {*groups(places)}:  # noqa: SIM118
        found = choices(group, places)
        choice = chosen.get(group, default(group, found))
        names = {name.strip() for name in choice.strip("[]").split(",")} & found.keys()
        for name in names or found:
            known |= {option.key: option for option in of(group, name, places)}
    for name, choice in chosen.items():
        yield Option(name, choice, "", (), f"see kdrun options {name}={choice}")
    for key in yaml.keys():  # noqa: SIM118
        path = key.path.removeprefix("teacher.recipe.")  # there lie an optimizer and a schedule
        group = path.partition(".")[0]
        if path not in known and group in groups(places):  # of a choice of another experiment
            for name in choices(group, places):
                known |= {option.key: option for option in of(group, name, places)}
        like = known.get(key.path) or known.get(path) or known.get(f"+{path}")
        kind, allowed = (like.kind, like.allowed) if like else (key.kind, ())
        above = key.path.rpartition(".")
        if key.path.startswith("hydra.sweeper.params"):
            meaning = "what the sweep goes over"
        else:
            meaning = key.comment or (like.meaning if like else "")
            meaning = meaning or EVERYWHERE.get(above[2], "") or _argument(key)
        yield Option(key.path, key.value, kind, allowed, meaning)


def _argument(key: Key) -> str:
    one = arguments(key.target).get(key.path.rpartition(".")[2])
    return one.meaning if one else ""
