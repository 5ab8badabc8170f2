"""The folder of a run that somebody sent is read as far as it can be, and never written through."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.doors import Attack, cases, through
from tests.hostile.folders import ATTACKS


@pytest.mark.parametrize(
    ("attack", "door"),
    [pytest.param(attack, door, id=f"{attack.name}-{door}") for attack, door in cases(ATTACKS)],
)
def test_it_is_refused(attack: Attack, door: str, tmp_path: Path) -> None:
    assert through(attack, door, tmp_path / "a").wrong == []
