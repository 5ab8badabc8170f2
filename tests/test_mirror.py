"""tests/ mirrors kdrun/: kdrun/loss/kd.py has tests/loss/test_kd.py."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules() -> set[tuple[str, str]]:
    """Room and name of every module."""
    found = (ROOT / "kdrun").rglob("*.py")
    names = [path.relative_to(ROOT / "kdrun") for path in found if not path.stem.startswith("__")]
    return {(str(name.parent), name.stem) for name in names}


@pytest.mark.parametrize("room", sorted({room for room, _ in modules()}))
def test_each_module_has_its_tests(room: str) -> None:
    bare = {
        name
        for place, name in modules()
        if place == room and not (ROOT / "tests" / room / f"test_{name}.py").is_file()
    }
    assert bare == set(), f"write tests/{room}/test_NAME.py"
