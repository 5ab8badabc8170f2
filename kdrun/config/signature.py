"""What a callable takes, and whether values from yaml can be given to it."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kdrun.config.nearest import nearest


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The named arguments that a callable takes."""
    return dict(inspect.signature(function).parameters)


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a callable's arguments; none where only a type checker can read them."""
    owner = function.__init__ if inspect.isclass(function) else function
    try:
        return typing.get_type_hints(owner)
    except (NameError, TypeError):
        return {}  # foreign annotations that only a type checker can read


def unfit(value: Any, hint: Any, annotation: str) -> str:
    """Why a value cannot stand where `hint` is asked for."""
    if typing.get_origin(hint) is typing.Literal:
        return f"{value} is not defined; {nearest(str(value), typing.get_args(hint))}"
    return f"{value!r} is not of type {annotation.replace('typing.', '')}"


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from yaml can stand where `hint` is asked for; unknown hints fit all."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in inner)
    if origin is typing.Literal:
        return value in inner
    if hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (bool, str):
        return isinstance(value, hint)
    if origin in (list, tuple, Sequence, Iterable):
        item = inner[0] if inner else Any
        return isinstance(value, (list, tuple)) and all(fits(v, item) for v in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping)
    return True
