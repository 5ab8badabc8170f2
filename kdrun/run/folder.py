"""The folder of a run: what lies there, who is at work in it, what is left of one that never began.

Imports no torch.
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from kdrun.files.lock import held, is_held

STUDENT = "student.safetensors"
MEAN = "mean.safetensors"
CHECKPOINT = "checkpoint.pt"

LOCK = ".lock"
"""Held by the process that works in a run's folder."""

UNBEGUN = {".hydra", "run.log", LOCK}
"""What may lie in the folder of a run before it begins."""


def at_work(run_dir: Path) -> AbstractContextManager[None]:
    """Be the one process that works in a run's folder, which is made; wait for any other."""
    run_dir.mkdir(parents=True, exist_ok=True)
    return held(run_dir / LOCK, run_dir.name)


def busy(run_dir: Path) -> bool:
    """Whether a process is at work in a run's folder."""
    return is_held(run_dir / LOCK)


def forget(run_dir: Path) -> None:
    """Remove the folder of a run that never began, and folders above that hold nothing else."""
    if not run_dir.is_dir() or {path.name for path in run_dir.iterdir()} - UNBEGUN:
        return
    shutil.rmtree(run_dir)
    for above in run_dir.absolute().parents:
        if above == Path.cwd() or any(above.iterdir()):
            return
        above.rmdir()
