"""Arguments that several datasets share, as one value that a user still spells out."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Collection
from typing import Any

from kdrun.types import Dataset

Function = Callable[..., Dataset]
"""What makes a dataset."""


def spread(omit: Collection[str] = (), **values: Any) -> Callable[[Function], Function]:
    """Let the fields of some values be arguments of a dataset, as `dataset.val_fraction` is one.

    Args:
        omit: fields that nobody can set.
        values: by the name under which a function takes each, by name alone: a dataclass or a
            named tuple, that holds the defaults.

    Returns:
        A decorator. What it makes takes the fields in the place of the values, by name too.
    """

    def decorate(function: Function) -> Function:
        all_of = {name: inspect.signature(type(value)).parameters for name, value in values.items()}
        fields = {name: [key for key in own if key not in omit] for name, own in all_of.items()}

        @functools.wraps(function)
        def spelled_out(*arguments: Any, **given: Any) -> Dataset:
            for name, value in values.items():
                held = {key: getattr(value, key) for key in all_of[name]}
                held |= {key: given.pop(key) for key in fields[name] if key in given}
                given[name] = type(value)(**held)
            return function(*arguments, **given)

        signature = inspect.signature(function)
        taken = {key: own for key, own in signature.parameters.items() if key not in values}
        hints = {key: hint for key, hint in function.__annotations__.items() if key not in values}
        for name, value in values.items():
            resolved = typing.get_type_hints(type(value))
            for field in fields[name]:
                taken[field] = all_of[name][field].replace(
                    kind=inspect.Parameter.KEYWORD_ONLY, default=getattr(value, field)
                )
                hints[field] = resolved[field]
        spelled_out.__signature__ = signature.replace(parameters=list(taken.values()))  # type: ignore[attr-defined]
        spelled_out.__annotations__ = hints
        return spelled_out

    return decorate
