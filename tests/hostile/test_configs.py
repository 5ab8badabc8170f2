"""What a config that somebody sent asks for is not done, nor what words of others would write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.configs import ATTACKS
from tests.hostile.doors import Attack, cases, through


@pytest.mark.parametrize(
    ("attack", "door"),
    [pytest.param(attack, door, id=f"{attack.name}-{door}") for attack, door in cases(ATTACKS)],
)
def test_it_is_refused(attack: Attack, door: str, tmp_path: Path) -> None:
    assert through(attack, door, tmp_path / "a").wrong == []
