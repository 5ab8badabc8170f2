"""Who waits for a lock is told whose it is, after a while and not at once."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from kdrun.files.lock import held, is_held, owner


def wait_for(path: Path, caplog: pytest.LogCaptureFixture, patience: float, after: str) -> None:
    """Hold a lock in a thread until something was said, or for a moment where nothing is to be."""
    begun, go = threading.Event(), threading.Event()

    def hold() -> None:
        with held(path, "the first"):
            begun.set()
            go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(10)
    said = logging.Handler()
    said.emit = lambda record: go.set()  # type: ignore[method-assign]
    logging.getLogger("kdrun.files.lock").addHandler(said)
    try:
        if not after:
            threading.Timer(0.1, go.set).start()
        with caplog.at_level("INFO"), held(path, "run_s0", patience):
            assert after in caplog.text
    finally:
        logging.getLogger("kdrun.files.lock").removeHandler(said)
        thread.join()


def test_one_is_told_after_seconds_whose_it_is(tmp_path: Path, caplog) -> None:
    wait_for(tmp_path / ".lock", caplog, patience=0.05, after="waiting for run_s0: process")
    (told,) = caplog.messages
    assert f"process {os.getpid()} of " in told
    assert ", since " in told
    assert str(tmp_path / ".lock") in told


def test_nothing_is_said_of_a_lock_that_is_soon_free(tmp_path: Path, caplog) -> None:
    wait_for(tmp_path / ".lock", caplog, patience=10, after="")
    assert caplog.messages == []


def test_a_lock_is_held_as_long_as_the_block_and_leaves_no_sign(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with held(path, "run"):
        assert is_held(path)
    assert not is_held(path)
    assert owner(path) == "another process"
    assert [file.name for file in tmp_path.iterdir()] in ([".lock"], [])
