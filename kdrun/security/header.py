"""What a file of weights says of its network, checked: it may come from anybody."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kdrun.security import bounds
from kdrun.security.wellformed import is_mapping, is_number, named, parse_json

WIDEST = 8
"""Dimensions of a sample at most."""


def parse_header(text: str, path: str | Path) -> dict[str, Any]:
    """The header of `kdrun.files.checkpoint.save_student`.

    Args:
        text: JSON.
        path: of the file, for the messages and for what it may take.

    Raises:
        ValueError: it is none; the message names the key.
    """
    header = parse_object(text.encode("utf-8", "surrogatepass"), path, "its header")
    if wrong := faults(header):
        raise ValueError(f"{path}: its header is malformed: {'; '.join(wrong[:3])}")
    return header


def parse_object(text: bytes, path: str | Path, what: str) -> dict[str, Any]:
    """An object of JSON with few levels, out of a file of weights.

    Raises:
        ValueError: it is something else.
    """
    bounds.check(path, bounds.JSON * len(text), what)
    try:
        found = parse_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {what} is not readable: {error}") from error
    if not is_mapping(found):
        raise ValueError(f"{path}: {what} is no object, or nested too deeply")
    parsed: dict[str, Any] = found
    return parsed


def faults(header: Mapping[str, Any]) -> list[str]:
    """What keeps this from being a header; empty if nothing does."""
    if lacking := [key for key in CHECKS if key not in header and key not in OPTIONAL]:
        return [f"it has no {lacking[0]}"]
    wrong = [named(key, value) for key, value in header.items() if not CHECKS.get(key, _any)(value)]
    if not wrong and len(header["mean"]) != len(header["std"]):
        wrong.append(f"mean and std are of {len(header['mean'])} and {len(header['std'])} channels")
    return wrong


def _any(_value: object) -> bool:
    return True


def _is_target(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("_target_"), str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_sizes(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= WIDEST
        and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in value)
        and math.prod(value) < 2**40
    )


def _is_shape(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_are_sizes, value.values()))
    return _are_sizes(value)


def _are_numbers(value: object) -> bool:
    return isinstance(value, list) and all(map(is_number, value))


def _is_unit(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and _are_numbers(value)


def _or_none(is_right: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or is_right(value)


CHECKS: dict[str, Callable[[object], bool]] = {
    "name": lambda value: isinstance(value, str),
    "model": _is_target,
    "classes": _are_texts,
    "shape": _is_shape,
    "mean": _are_numbers,
    "std": _are_numbers,
    "unit": _is_unit,
    "task": _or_none(_is_target),
    "around": _or_none(_is_target),
    "reads": _or_none(_are_sizes),
    "precision": _or_none(lambda value: isinstance(value, str)),
}

OPTIONAL = ("unit", "task", "around", "reads", "precision")
