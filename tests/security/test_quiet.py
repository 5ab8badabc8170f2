"""A session of onnxruntime leaves nothing in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from kdrun.security.quiet import onnxruntime
import sys
session = onnxruntime().InferenceSession
try:
    session(sys.argv[1])
except Exception as error:
    print(type(error).__name__)
"""


def test_onnxruntime_writes_nothing_into_the_cache(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    home = tmp_path / "home"
    home.mkdir()
    hidden = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "CI", "GITHUB_ACTIONS")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "none.onnx")],
        env=variables | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "NoSuchFile\n"
    assert [*home.rglob("*")] == []
