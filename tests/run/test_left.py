"""Where a failure is said to be written down, it is."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from tests.conftest import QUICK

PLAIN = (*QUICK[1:], "method=supervised")


def test_of_a_run_that_diverged_there_are_a_row_and_a_log(kdrun) -> None:
    told = kdrun(*PLAIN, "train.precision=fp32", "optimizer.lr=1e38")
    assert told.status == 1
    assert "its row says so; run.log has more" in told.err


@pytest.mark.parametrize("name", ["n" * 300, "file/below"])
def test_of_a_folder_that_cannot_be_made_there_is_neither(kdrun, name: str) -> None:
    Path("outputs").mkdir()
    Path("outputs/file").touch()
    told = kdrun(*PLAIN, f"hydra.run.dir=outputs/{name}")
    assert told.status in (1, 2)
    assert "row" not in told.err
    assert "run.log" not in told.err


def test_of_a_full_disk_there_is_no_row(kdrun) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        told = kdrun(*PLAIN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert told.status == 1
    assert "its row says so" not in told.err
    assert "run.log has more" not in told.err
