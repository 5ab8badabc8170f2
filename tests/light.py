"""What a run leaves out where a test does not look at it: a half of the time of a small one."""

from __future__ import annotations

import os
from typing import Any

import pytest
from PIL import Image

PICTURES = ("curves", "confusion", "bars", "front", "lines")
"""What draws pictures in `kdrun.results.plots`."""


def _white(*given: Any) -> None:
    """A picture with nothing on it, where one was to be: drawing takes a third of a run."""
    Image.new("L", (1, 1), 255).save(given[-1], format="png")


def lighten(patch: pytest.MonkeyPatch, *, pictures: bool = False) -> None:
    """Leave pictures white, time a network for a few passes only, and do not wait for the disk.

    Args:
        patch: by which it is done.
        pictures: whether they are drawn after all.
    """
    for picture in () if pictures else PICTURES:
        patch.setattr(f"kdrun.results.plots.{picture}", _white)
    patch.setattr("kdrun.score.latency.SHORTEST", 0)
    # A process that is killed loses nothing that it wrote; only a machine that stops does.
    patch.setattr(os, "fsync", lambda file: None)
