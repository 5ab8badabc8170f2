"""What is found in a folder of runs, and what is not looked at."""

from __future__ import annotations

from pathlib import Path

from kdrun.storage import clean
from tests.storage.conftest import SWEEP, run


def test_nothing_behind_a_link_is_looked_at(house: Path) -> None:
    elsewhere = run("elsewhere", "failed", folder=house / "other")
    (SWEEP / "link").symlink_to(elsewhere)
    (SWEEP / "failed" / "student.safetensors").unlink()
    (SWEEP / "failed" / "student.safetensors").symlink_to(elsewhere / "student.safetensors")
    assert clean.main(["--yes", "--unfinished"]) == 0
    assert (elsewhere / "student.safetensors").exists()
