"""What the end of a process tells, and a process that ends with its parent."""

from __future__ import annotations

import os
import signal

import pytest

from kdrun.parallel.process import end_with, obituary


def test_an_exit_status_is_told_in_words() -> None:
    assert obituary(-signal.SIGSEGV) == "killed by SIGSEGV"
    assert obituary(-signal.SIGKILL) == "killed by SIGKILL; was there enough memory?"
    assert "status 3" in obituary(3)


def test_a_parent_that_is_gone_already_is_noticed() -> None:
    with pytest.raises(SystemExit) as ended:
        end_with(os.getpid())  # which is not its parent
    assert ended.value.code == 1
