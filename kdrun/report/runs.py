"""Single runs in a report: where their files lie, and in what their configs differ."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kdrun.results.record import load_record
from kdrun.results.table import Row, differences, setting

FILES = (
    *("record.json", "metrics.csv", "curves.png", "confusion.png", "run.log"),
    *("examples.png", "iou.csv", "ap.csv", "classes.csv", "confusion.csv", "confusion_val.csv"),
)
"""What a run may have left that is worth a link."""


def links(rows: Sequence[Row], place: Path) -> list[dict[str, object] | None]:
    """For each run the way to its folder from that of the page, and which `FILES` are there.

    None where a table names a run whose folder is not here.
    """
    return [_link(row, place) for row in rows]


def _link(row: Row, place: Path) -> dict[str, object] | None:
    folder = str(row.get("run_dir") or "")
    if not os.path.isdir(folder):
        return None
    there = set(os.listdir(folder))
    way = os.path.relpath(os.path.abspath(folder), os.path.abspath(place))
    # A colon would make `javascript:` of a folder's name, or a scheme of it.
    return {
        "href": f"./{quote(way.replace(os.sep, '/'))}/",
        "files": [name for name in FILES if name in there],
    }


def settings_apart(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The settings in which the configs differ: a name, its values, and which one each run has.

    A run without a record has None.
    """
    configs = [_config(row) for row in rows]
    known = [config for config in configs if config is not None]
    names = {name for config in known[1:] for name in differences(known[0], config)}
    told: list[dict[str, object]] = []
    for name in sorted(names - _sections(names)):
        values = [None if config is None else _shown(setting(config, name)) for config in configs]
        order = {value: position for position, value in enumerate(dict.fromkeys(values))}
        if len(order) < 2:  # empty in some, and absent in others
            continue
        told.append({"name": name, "values": list(order), "of": [order[value] for value in values]})
    return told


def _sections(names: set[str]) -> set[str]:
    """Those that others lie in: a section that only some have is told by what is in it."""
    parts = [name.split(".") for name in names]
    return {".".join(part[:depth]) for part in parts for depth in range(1, len(part))}


def _config(row: Row) -> dict[str, Any] | None:
    try:
        return load_record(str(row.get("run_dir") or "")).get("config", {})
    except (OSError, ValueError):
        return None


def _shown(value: object) -> str:
    return "-" if value is None else str(value)
