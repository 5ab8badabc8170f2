"""Commands in processes of their own, which may be killed, and need not import torch first."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import hydra
import pytest

from tests.light import lighten

BEFORE = ("kdrun.cli", "pandas", "sklearn.metrics", "torch", "torchvision")
"""What a process has at once, and would import for seconds."""


@functools.cache
def warm() -> None:
    """Import, look for Hydra's plugins and parse the yaml once, for every fork that follows."""
    for name in BEFORE:
        importlib.import_module(name)
    with suppress(ImportError):  # tests/hostile tries older checkouts, which have other names
        from kdrun.config.register import register
        from kdrun.config.schema import folder

        register()
        with hydra.initialize_config_dir(version_base="1.3", config_dir=str(folder())):
            hydra.compose("config")


class Forked:
    """`kdrun WORDS...` typed in another process, with as much of `subprocess.Popen` as tests need.

    The process is a fork of this one, which has imported everything: it begins in a hundredth of a
    second, and what a test has patched is patched in it. What only a new interpreter shows (another
    seed of `hash`, an empty `sys.modules`) is for tests that start one. Pictures are white.

    Args:
        words: after `kdrun`.
        folder: where they are typed; None for the working folder.
    """

    def __init__(self, *words: str, folder: Path | None = None) -> None:
        warm()
        self.returncode: int | None = None
        self._told, path = tempfile.mkstemp()
        os.unlink(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # this process may have threads; none is at work
            # What others left, an ONNX session say, would wait for threads that a fork lacks.
            gc.freeze()
            self.pid = os.fork()
        if self.pid == 0:
            self._be(words, folder)
        gc.unfreeze()

    def _be(self, words: tuple[str, ...], folder: Path | None) -> None:
        """Become the command; never returns."""
        status = 70
        try:
            for number in (1, 2):
                os.dup2(self._told, number)
            sys.stdout, sys.stderr = (open(n, "w", buffering=1, closefd=False) for n in (1, 2))  # noqa: SIM115
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            warnings.resetwarnings()
            os.chdir(folder or ".")
            os.environ["HYDRA_FULL_ERROR"] = "0"
            sys.path.insert(0, os.getcwd())  # as under `python -m kdrun`
            sys.argv = ["kdrun", *words]
            with suppress(ImportError, AttributeError):  # of older checkouts
                lighten(pytest.MonkeyPatch())
            importlib.import_module("kdrun.cli").main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
            status = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def poll(self) -> int | None:
        """The exit status, -9 for one that was killed; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self) -> int:
        """The exit status, once there is one."""
        while (ended := self.poll()) is None:
            time.sleep(0.005)
        return ended

    def communicate(self) -> tuple[str, None]:
        """All that was told, once it has ended."""
        self.wait()
        size = os.fstat(self._told).st_size
        return os.pread(self._told, size, 0).decode(errors="replace"), None

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.send_signal(signal.SIGKILL)
        self.wait()

    def __del__(self) -> None:
        os.close(self._told)
