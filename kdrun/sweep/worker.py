"""`python -m kdrun.sweep.worker PARENT WORDS...`: a run that ends with who asked for it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kdrun import trust
from kdrun.logfile import append, refuse_links

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal that a process gets when its parent dies."""


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
            [sys.executable, "-m", "kdrun.sweep.worker", str(os.getpid()), *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **own, **trust.handed_on(words), **environment},
            start_new_session=True,  # Ctrl-C reaches the parent, which passes it on
        )


def end_with(parent: int) -> None:
    """See to it that this process ends when `parent`, which has started it, does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # it died before it could be watched


def main() -> None:
    """Execute `kdrun WORDS...`; exits as that does."""
    end_with(int(sys.argv.pop(1)))

    from kdrun import cli

    cli.main(job=True)


if __name__ == "__main__":
    main()
