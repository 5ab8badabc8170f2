"""Libraries that tell their makers what is done with them, kept from it."""

from __future__ import annotations

import os
from typing import Any


def onnxruntime() -> Any:
    """The module `onnxruntime`; where it comes first, before it has written an identifier.

    From 1.29 on it makes a file in the user's cache that identifies the machine, and sends what is
    done, once it is imported: `disable_telemetry_events` is too late. Whoever sets the variable
    otherwise has it so.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime
