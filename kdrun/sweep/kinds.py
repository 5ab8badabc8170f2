"""Which runs take as long as each other, and which runs a run wants before it. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from kdrun.config.schema import RUNTIME
from kdrun.security import bounds
from kdrun.teacher.lineage import lineage
from kdrun.teacher.run import TeacherRun, teacher_run

FREE = ("seed", "split_seed", "fold", "epochs", "early_stop", "label_smoothing")
"""Keys in which runs may differ and have the same pace."""

SETTINGS = ("loss", "optimizer", "scheduler")
"""Sections whose numbers change no pace."""


def kind(config: DictConfig) -> str:
    """What runs share that differ only in what changes no pace."""
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, enum_to_str=True)  # type: ignore[assignment]
    uses = plain["method"]["uses"]
    told = {
        key: _shape(value) if key in SETTINGS else _less(value)
        for key, value in plain.items()
        if key not in (*RUNTIME, *FREE)
        and (key not in ("teacher", "transfer", "source_model", "loss") or key in uses)
    }
    if "transfer" in uses:
        told["source_model"] = _less(plain["source_model"])
    return json.dumps(told, sort_keys=True, default=str)


def _less(value: Any) -> Any:
    """A value without the keys that are free."""
    if isinstance(value, dict):
        return {key: _less(one) for key, one in value.items() if key not in FREE}
    return value


def _shape(value: Any) -> Any:
    """A value without its numbers."""
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items() if key not in FREE}
    return None if isinstance(value, int | float) else value


def wanted(config: DictConfig) -> Iterator[TeacherRun]:
    """The runs whose networks a run may want, with their folders, before they are looked at."""
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, enum_to_str=True)  # type: ignore[assignment]
    found = lineage(plain)
    roles = [
        one for role in (found.teacher, found.untouched, found.source) for one in _networks(role)
    ]
    for role in roles:
        yield teacher_run(config, role)


def _networks(role: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Those of a role that somebody has to train."""
    for member in (role or {}).get("members", {}).values():
        yield from _networks(member)
    if role and "model" in role and (not role.get("checkpoint") or role.get("head") == "new"):
        yield role


def done(run_dir: Path) -> int:
    """How many epochs of a run are over."""
    if not (run_dir / "checkpoint.pt").exists():
        return 0
    try:
        return max(0, bounds.content(run_dir / "metrics.csv").count(b"\n") - 1)
    except (OSError, ValueError):
        return 0
