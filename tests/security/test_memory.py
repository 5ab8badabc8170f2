"""A process takes no more memory than a file may, for as long as it reads it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest
import torch

from kdrun.security import bounds, memory

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a byte, which may take 64 MB."""
    monkeypatch.setenv("KDRUN_MAX_MEMORY", "64MB")
    path = tmp_path / "f"
    path.write_bytes(b"x")
    return path


@linux
@pytest.mark.parametrize("make", [lambda: bytearray(8 << 30), lambda: torch.empty(8 << 30)])
def test_what_asks_for_more_is_refused(file: Path, make) -> None:
    told = r"more than 64 MB of memory \(its graph\)"
    with pytest.raises(bounds.TooLargeError, match=told), memory.watch(file, "its graph"):
        make()


@linux
def test_the_limit_ends_with_the_reading(file: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with memory.watch(file, "a"):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_other_errors_are_what_they_are(file: Path) -> None:
    with pytest.raises(KeyError), memory.watch(file, "a"):
        raise KeyError("a")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("DefaultCPUAllocator: not enough: alloc_cpu"), True),
        (RuntimeError("shapes differ"), False),
    ],
)
def test_libraries_say_it_in_their_own_words(error: Exception, told: bool) -> None:
    assert memory.is_out_of_memory(error) is told
