"""The memory that a process may take while it reads a file; `bounds` says how much that is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kdrun.security.bounds import TooLargeError, allowed, refusal, spelled

THREAD = 80 * 2**20
"""Addresses, not memory, that a thread may reserve when it starts: its stack and its heap."""


@contextmanager
def watch(path: str | Path, why: str) -> Iterator[None]:
    """While it lasts, this process gets no more memory than a file may take; on Linux only.

    For what cannot be counted beforehand. Whatever asks for more raises `MemoryError`, or torch's
    or a library's own error, before it has it.

    Raises:
        ValueError: something asked for more.
    """
    with _no_more_than(allowed(path)):
        try:
            yield
        except MemoryError as error:
            raise TooLargeError(_too_much(path, why)) from error
        except Exception as error:
            if is_out_of_memory(error):
                raise TooLargeError(_too_much(path, why)) from error
            raise


def is_out_of_memory(error: Exception) -> bool:
    """Whether a library says that it did not get the memory that it asked for."""
    words = ("allocate memory", "bad_alloc", "bad allocation", "alloc_cpu", "Failed to allocate")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def _too_much(path: str | Path, why: str) -> str:
    most = allowed(path)
    return refusal(path, f"would take more than {spelled(most)} of memory", why, 2 * most)


@contextmanager
def _no_more_than(taken: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = now + taken + THREAD * (os.cpu_count() or 1)
    if soft == resource.RLIM_INFINITY or most < soft:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
