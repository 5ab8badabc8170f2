"""A process of its own for a job of a sweep."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kdrun.files.logfile import append, refuse_links
from kdrun.security import trust

PATIENCE = 20.0
"""Seconds that an interrupted process has to end before it is killed."""


def start(
    words: Sequence[str], run_dir: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a process for a run; all that it says goes to run.log.

    Args:
        words: what is typed after `kdrun`.
        run_dir: the folder of the run.
        environment: what the process has beside the environment of this one.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    # The process writes its own traceback to its log; Hydra's would be a second one.
    own = {"PYTHONUNBUFFERED": "1", "HYDRA_FULL_ERROR": "0"}
    refuse_links(run_dir)
    with append(run_dir / "run.log") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "kdrun.job", str(os.getpid()), *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **own, **trust.handed_on(words), **environment},
            start_new_session=True,  # Ctrl-C reaches the parent, which passes it on
        )
