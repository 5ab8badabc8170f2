"""What the record of a run says before anything has happened: what it is, and by which code."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime

from omegaconf import DictConfig, OmegaConf

from kdrun.config.identity import Identity
from kdrun.config.schema import RUNTIME, names
from kdrun.config.sources import kdrun_code
from kdrun.results.record import Record
from kdrun.version import __version__, versions

LIBRARIES = ("torch", "torchvision", "timm", "hydra-core", "numpy", "scikit-learn")


def begin(config: DictConfig, what: Identity, run_id: str) -> Record:
    """The record of a run that has just begun.

    Args:
        config: of the run, resolved.
        what: the run is.
        run_id: the name of its folder.
    """
    runtime = {key: OmegaConf.select(config, key) for key in RUNTIME if key not in UNTOLD}
    runtime["rerun"], runtime["plugins"] = config.rerun.name, list(config.plugins)
    runtime["command"] = config.job.command
    runtime["logger"] = list(config.get("logger") or {})
    return {
        "run_id": run_id,
        "identity": what.digest,
        "status": "running",
        "error": "",
        "run": {**names(what.settings), "commit": _commit()},
        "metrics": {},
        "config": what.settings,
        "files": what.files,
        "code": {"kdrun": kdrun_code(), **what.code},
        "runtime": {key: value for key, value in runtime.items() if value is not None},
        "versions": {
            "python": platform.python_version(),
            "kdrun": __version__,
            **versions(LIBRARIES),
        },
        "started": now(),
        "finished": "",
    }


UNTOLD = ("hydra", "job")
"""Runtime-only keys that a record need not keep."""


def now() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _commit() -> str | None:
    """The commit of the working folder, marked where files were changed since."""
    describe = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        told = subprocess.run(describe, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None
