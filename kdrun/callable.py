"""Packages that can be called: `kdrun.run(...)` beside `kdrun.run.life`. Imports nothing."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class Callable(ModuleType):
    """A package that does what the function of its name in `kdrun.api` does.

    Python puts a package in the place of whatever had its name in the package above, so the
    function cannot stand there by itself.
    """

    def __call__(self, *words: Any, **settings: Any) -> Any:
        """The function, with its arguments."""
        api = importlib.import_module("kdrun.api")  # which imports these packages
        return getattr(api, self.__name__.rpartition(".")[2])(*words, **settings)


def callable_package(name: str) -> None:
    """Let a package that is being imported be called."""
    sys.modules[name].__class__ = Callable
