"""Yaml files that somebody may have sent, looked at before anything reads them.

A few lines of aliases of aliases stand for more nodes than there is memory for, and a pipe that is
called x.yaml never ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from kdrun.files.fingerprint import walked
from kdrun.security import bounds

LARGEST = 2**20
"""Bytes of a config."""

NODES = 100_000
"""Keys, values and items of a config, its aliases written out."""

DEEPEST = 50
"""Levels of a config."""

TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
"""What a value may be called beside what it is: `!!str 3`. Others would be objects of Python."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_folder(folder: str | Path) -> None:
    """Refuse a folder of configs in which one is no config.

    Raises:
        ValueError: the message names the file.
    """
    for place, _, names in walked(folder):
        for name in names:
            if name.endswith((".yaml", ".yml")):
                check_file(Path(place, name))


def check_file(path: str | Path) -> None:
    """Refuse what is no config: too large, too deep, or no yaml at all.

    Raises:
        ValueError: the message names the file.
    """
    if not bounds.is_plain(path):
        raise ValueError(f"{path} is no plain file, and is not opened")
    if os.stat(path).st_size > LARGEST:
        raise ValueError(f"{path} is larger than {bounds.spelled(LARGEST)}, and so no config")
    try:
        content = Path(path).read_text("utf-8")
        _check(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no config: {' '.join(str(error).split()):.300}") from error


def _check(content: str) -> None:
    """Count the nodes that a text stands for, from the events of a parser that builds none."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # the anchor, and how many nodes came before it
    count = 0
    for event in yaml.parse(content, Loader=LOADER):
        if getattr(event, "tag", None) not in (None, "!", *TAGS):
            raise ValueError(f"it asks for {event.tag:.60}, and values are plain")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"the alias *{event.anchor:.40} stands in what it means")
            count += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            count += 1
            open_nodes.append((event.anchor, count))
            if event.anchor:
                sizes.pop(event.anchor, None)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = count - before + 1
        if count > NODES:
            raise ValueError(f"it stands for more than {NODES:,} nodes")
        if len(open_nodes) > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
