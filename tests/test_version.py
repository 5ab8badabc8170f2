"""One version, wherever it is written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy

import kdrun
from kdrun.version import __version__, versions


def test_it_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__ == kdrun.__version__


def test_a_library_that_is_not_there_has_no_version() -> None:
    assert versions(("numpy", "no-such-library")) == {"numpy": numpy.__version__}
