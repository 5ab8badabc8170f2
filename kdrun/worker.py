"""`python -m kdrun.worker PARENT WORDS...`: a run that ends with the process that asked for it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal that a process gets when its parent dies."""


def main() -> None:
    """Execute `kdrun WORDS...`; exits as that does."""
    parent = int(sys.argv.pop(1))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # it died before it could be watched

    from kdrun import cli

    cli.main()


if __name__ == "__main__":
    main()
