"""What tests of several folders share."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from logging import FileHandler
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from kdrun.cli import main
from kdrun.files.logfile import RunLog

# Bits depend on the number of threads, and workers of pytest share the cores.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# A trial before each sweep costs seconds; tests of it switch it on.
os.environ["KDRUN_ESTIMATE"] = "false"


class Told(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a shell's background job; tests that send Ctrl-C need it to arrive.
    signal.signal(signal.SIGINT, signal.default_int_handler)

QUICK = ("teacher=resnet8", "student=linear", "train.epochs=1", "train.progress=false")
"""Overrides for a whole run in a second."""


@pytest.fixture
def kdrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Told]]:
    """Type a command in an empty folder: `kdrun("-m", "seed=0,1")`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def call(*words: str) -> Told:
        os.environ["HYDRA_FULL_ERROR"] = "0"
        monkeypatch.setattr(sys, "argv", ["kdrun", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Told(int(ended.value.code or 0), told.out, told.err)

    yield call
    # Hydra's console handler holds the output of this test, which is closed now.
    root = logging.getLogger()
    for handler in [
        h for h in root.handlers if type(h) in (logging.StreamHandler, FileHandler, RunLog)
    ]:
        root.removeHandler(handler)
        handler.close()
