"""A process that works for another: its threads, its end, and what its end tells."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables of the environment that say how many threads a process has."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal that a process gets when its parent dies."""


def end_with(parent: int) -> None:
    """See to it that this process ends when `parent`, which has started it, does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # it died before it could be watched


def obituary(status: int) -> str:
    """What the exit status of a process that said nothing tells."""
    if status >= 0:
        return f"its process ended with status {status} and no word; run.log may tell why"
    name = signal.Signals(-status).name
    hint = "; was there enough memory?" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"
