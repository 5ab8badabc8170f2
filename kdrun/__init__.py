"""kdrun: knowledge distillation and transfer learning experiments, by command and from Python.

`kdrun.run`, `kdrun.sweep`, `kdrun.compare` and `kdrun.load` are made when they are asked for:
importing kdrun imports nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["compare", "load", "run", "sweep"]

if TYPE_CHECKING:
    from kdrun.api import compare, load, run, sweep
    from kdrun.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    """What is done from Python, when it is first asked for."""
    if name == "__version__":
        from kdrun.version import __version__

        return __version__
    if name not in __all__:
        raise AttributeError(f"module 'kdrun' has no attribute {name!r}")
    if name == "load":
        from kdrun.api import load

        return load
    import importlib

    return importlib.import_module(f"kdrun.{name}")  # a package that can be called
