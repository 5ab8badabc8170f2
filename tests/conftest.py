"""What tests of several folders share."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from logging import FileHandler
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, settings
from omegaconf import OmegaConf

from kdrun.cli import main
from kdrun.files.logfile import RunLog
from tests.light import lighten

# Bits depend on the number of threads, and workers of pytest share the cores.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# A trial before each sweep costs seconds; tests of it switch it on.
os.environ["KDRUN_ESTIMATE"] = "false"
# Tests import onnxruntime by themselves; kdrun.security.quiet says what this is for.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# How quick data are drawn says something of the machine, and nothing of what is tested.
settings.register_profile("kdrun", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kdrun")

_load = OmegaConf.load
_parsed: dict[str, bytes] = {}


def _load_once(file: Any) -> Any:
    """`OmegaConf.load`, which parses a text only once: Hydra loads some fifty per command."""
    text = Path(file).read_text("utf-8") if isinstance(file, str | Path) else file.read()
    if text not in _parsed:
        if not isinstance(file, str | Path):
            file.seek(0)
        _parsed[text] = pickle.dumps(_load(file), pickle.HIGHEST_PROTOCOL)
    return pickle.loads(_parsed[text])  # a sixth of the time of a deep copy


OmegaConf.load = _load_once  # type: ignore[method-assign]


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
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Told]]:
    """Type a command in an empty folder: `kdrun("-m", "seed=0,1")`.

    Pictures are white, unless the test is marked with `pictures`.
    """
    monkeypatch.chdir(tmp_path)
    lighten(monkeypatch, pictures=bool(request.node.get_closest_marker("pictures")))
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
