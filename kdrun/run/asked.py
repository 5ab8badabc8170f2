"""A run that somebody asked for. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from omegaconf import DictConfig

from kdrun.config.identity import Identity

if TYPE_CHECKING:
    from kdrun.run.side_by_side import Beside

Watch = Callable[[dict[str, Any]], None]
"""Told the row of metrics.csv after each epoch; what it raises ends the training."""


class PrunedError(Exception):
    """A run was stopped because it promised less than others."""


class Asked(NamedTuple):
    """A run that somebody asked for.

    Attributes:
        config: composed.
        run_dir: its folder.
        what: it is.
        watch: told the row of metrics.csv after each epoch; may raise `PrunedError`.
        role: what its network is to the run that was asked for.
        beside: what it shares with others that are trained beside it; None without any.
    """

    config: DictConfig
    run_dir: Path
    what: Identity
    watch: Watch | None
    role: str
    beside: Beside | None = None
