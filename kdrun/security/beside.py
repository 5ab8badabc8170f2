"""Packages of the working folder, found where their name was typed as a plugin, and only these."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType


class Beside:
    """Finds packages by name in one folder, after everything that is installed.

    The folder is not on `sys.path`: somebody else's `skops.py` that lies there is never imported
    in place of one that is not installed.

    Attributes:
        names: of the packages.
        folder: where they lie.
    """

    def __init__(self, names: Iterable[str], folder: Path) -> None:
        self.names = frozenset(name.partition(".")[0] for name in names)
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The package, if it is one of those; what lies in it is found by Python itself."""
        if path is not None or fullname not in self.names:
            return None
        return importlib.machinery.PathFinder.find_spec(fullname, [str(self.folder)])


def open_beside(names: Iterable[str]) -> None:
    """Let these packages be imported from the working folder, instead of those of an earlier call.

    Args:
        names: that the user typed.
    """
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, Beside)]
    if wanted := set(names):
        sys.meta_path.append(Beside(wanted, Path.cwd()))
