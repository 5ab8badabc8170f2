"""One version, wherever it is written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import kdrun
from kdrun.version import __version__


def test_it_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__ == kdrun.__version__
