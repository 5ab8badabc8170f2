"""The keys of a yaml file with what its comments say of them. Reads the file and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kdrun.security.sent_yaml import LOADER

TARGET = "_target_"


@dataclass(frozen=True)
class Key:
    """A key of a yaml file that a user may set.

    Attributes:
        path: its place in the file, `terms.kd.temperature`.
        value: as it is written there.
        comment: beside it or just above it; empty without one.
        kind: int, float, bool, str, list or mapping, by the value; empty for null and ???.
        target: the `_target_` whose argument it is; empty if it is none's.
    """

    path: str
    value: str
    comment: str
    kind: str
    target: str = ""


class Yaml:
    """A yaml file that has been read with its comments.

    Args:
        path: of the file.

    Attributes:
        text: of the file.
        title: the comment that it begins with, which says what it is.
    """

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        self._lines = self.text.splitlines()
        self._beside = _comments(self.text, self._lines)
        self._begins = self._after_title()
        self.title = " ".join(
            line.lstrip("# ")
            for line in self._lines[: self._begins]
            if line.startswith("#") and not line.startswith("# @")
        )
        self._root = yaml.compose(self.text, Loader=LOADER)

    def _after_title(self) -> int:
        """The first line that is no comment."""
        for number, line in enumerate(self._lines):
            if not line.startswith("#"):
                return number
        return len(self._lines)

    def keys(self) -> list[Key]:
        """All keys but `_target_` and the defaults list, in the file's order."""
        root = self._root
        return self._below(root, "", "") if isinstance(root, yaml.MappingNode) else []

    def defaults(self) -> list[tuple[str, str, str]]:
        """The entries of the defaults list: group, choice and comment."""
        found = []
        for key, value in _entries(self._root):
            if key.value == "defaults" and isinstance(value, yaml.SequenceNode):
                for item in value.value:
                    for group, choice in _entries(item):
                        found.append((group.value, self._written(choice), self._comment(group)))
                    if isinstance(item, yaml.ScalarNode):
                        found.append((item.value, "", ""))
        return found

    def target(self) -> str:
        """The `_target_` of the file itself; empty without one."""
        return _target(self._root)

    def _below(self, node: yaml.MappingNode, path: str, target: str) -> list[Key]:
        found: list[Key] = []
        target = _target(node) or target
        for key, value in _entries(node):
            name = str(key.value)
            if name == TARGET or (not path and name == "defaults"):
                continue
            place = f"{path}.{name}" if path else name
            if self._has_keys(value) and name not in WHOLE:
                inner = self._below(value, place, "")
                found += inner
            else:
                found.append(
                    Key(place, self._written(value), self._comment(key), _kind(value), target)
                )
        return found

    def _has_keys(self, value: yaml.Node) -> bool:
        """Whether a user sets the keys of a mapping, and not the mapping as a whole."""
        if not isinstance(value, yaml.MappingNode) or not value.value:
            return False
        target = _target(value)
        return not value.flow_style or not target or target.startswith("kdrun.")

    def _written(self, value: yaml.Node) -> str:
        written = self.text[value.start_mark.index : value.end_mark.index]
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            plain: Any = yaml.safe_load(written.replace("\n" + " " * value.start_mark.column, "\n"))
            return str(yaml.safe_dump(plain, default_flow_style=True, sort_keys=False)).strip()
        return " ".join(written.split())

    def _comment(self, key: yaml.Node) -> str:
        line = key.start_mark.line
        if beside := self._beside.get(line):
            return beside
        above: list[str] = []
        for number in range(line - 1, self._begins - 1, -1):
            if not self._lines[number].strip().startswith("#"):
                break
            above.insert(0, self._lines[number].strip().lstrip("# "))
        return " ".join(above)


@cache
def read(path: Path) -> Yaml:
    """A yaml file, read once."""
    return Yaml(path)


WHOLE = ("weights", "params", "sampler", "pruner", "additional_parameters", "setup")
"""Mappings of names that are not kdrun's, which are one key however they are written."""


def _entries(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _target(node: yaml.Node | None) -> str:
    return next((str(v.value) for k, v in _entries(node) if k.value == TARGET), "")


def _kind(value: yaml.Node) -> str:
    kind = str(value.tag).rpartition(":")[2]
    if kind == "null" or value.value == "???" or "${" in str(value.value):
        return ""
    return {"seq": "list", "map": "mapping"}.get(kind, kind)


def _comments(text: str, lines: list[str]) -> dict[int, str]:
    """The comment that stands beside something, by the number of its line."""
    ends: dict[int, int] = {}
    for token in yaml.scan(text, Loader=LOADER):
        mark = token.end_mark
        if token.start_mark.index < mark.index:  # others are only what indentation means
            ends[mark.line] = max(ends.get(mark.line, 0), mark.column)
    rests = {line: lines[line][end:].strip() for line, end in ends.items() if line < len(lines)}
    return {line: rest.lstrip("# ") for line, rest in rests.items() if rest.startswith("#")}
