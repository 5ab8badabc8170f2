"""What a record must be to be read: anything else in record.json is left out and told."""

from __future__ import annotations

import json
import reprlib
from typing import Any

UNFINISHED = ("running", "interrupted")
"""Of a run that is at work or was cut off: the same command goes on with it."""

STATUSES = (*UNFINISHED, "ok", "failed", "pruned")
"""How a run can stand."""

DEEPEST = 50
"""Levels of a config; Python gives up at some hundreds."""

MOST = 10**6
"""Objects and lists of one text: more take a minute to be made."""

LARGEST = 1e100
"""Numbers beyond are no measurements, and their squares would be infinite."""


def is_number(value: object) -> bool:
    """Whether this was measured: a finite number, and no truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -LARGEST <= value <= LARGEST


def parse_json(text: bytes) -> Any:
    """JSON as its standard has it: no NaN, no number of thousands of digits, no endless nesting.

    Raises:
        ValueError: it is something else, or holds too many objects.
    """
    if text.count(b"[") + text.count(b"{") > MOST:
        raise ValueError(f"it holds more than {MOST:,} objects")
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def faults(record: object) -> list[str]:
    """What keeps this from being the record of a run; empty if nothing does."""
    if not isinstance(record, dict) or not {"schema", "run_id", "status"} <= record.keys():
        return ["schema, run_id or status is missing"]
    # `is_mapping` goes before whatever looks into one.
    wrong = [
        *(named(key, record[key]) for key in TEXTS if not isinstance(record.get(key, ""), str)),
        *(named(key, record[key]) for key in MAPPINGS if not is_mapping(record.get(key, {}))),
    ]
    if record["status"] not in STATUSES:
        wrong.append(f"{named('status', record['status'])}, none of {', '.join(STATUSES)}")
    if not _are_texts(record.get("notes", [])):
        wrong.append(named("notes", record["notes"]))
    if wrong:
        return wrong
    config = record.get("config", {})
    if wrong := [
        named(f"config.{part}", config[part])
        for part in ("dataset", "train")
        if not isinstance(config.get(part, {}), dict)
    ]:
        return wrong
    checks = (("run", _is_cell), ("metrics", _is_measured), ("versions", _is_text))
    return [
        named(f"{part}.{key}", value)
        for part, right in checks
        for key, value in record.get(part, {}).items()
        if not right(value)
    ]


def _is_cell(value: object) -> bool:
    return _is_text(value) or is_number(value)


def _is_measured(value: object) -> bool:
    return value is None or is_number(value)


TEXTS = ("run_id", "error", "started", "finished", "identity", "weights_sha256")
MAPPINGS = (
    *("run", "metrics", "config", "runtime", "versions", "transfer", "selection"),
    *("files", "code", "task"),
)


def named(key: str, value: object) -> str:
    """A key with its value, both short enough for a message."""
    return f"{reprlib.repr(key)[1:-1]} is {reprlib.repr(value)}"


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_mapping(value: object) -> bool:
    """Whether it is a dict of few levels, counted one by one: recursion could be too deep."""
    if not isinstance(value, dict):
        return False
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return True
    return False


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
