"""tests/ mirrors kdrun/: kdrun/loss/kd.py has tests/loss/test_kd.py."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

WITHOUT: dict[str, str] = {
    "sweep": "estimate jobs outcome pool remote resume search slurm trial worker",
}
"""Modules of each room that only tests of other modules reach. The list only shrinks."""


def modules() -> set[tuple[str, str]]:
    """Room and name of every module."""
    found = (ROOT / "kdrun").rglob("*.py")
    names = [path.relative_to(ROOT / "kdrun") for path in found if not path.stem.startswith("__")]
    return {(str(name.parent), name.stem) for name in names}


EXCEPT = {(room, name) for room, names in WITHOUT.items() for name in names.split()}


@pytest.mark.parametrize("room", sorted({room for room, _ in modules()}))
def test_each_module_has_its_tests(room: str) -> None:
    bare = {
        (room, name)
        for place, name in modules()
        if place == room and not (ROOT / "tests" / room / f"test_{name}.py").is_file()
    }
    assert bare - EXCEPT == set(), f"write tests/{room}/test_NAME.py"


def test_no_exception_is_for_nothing() -> None:
    tested = {(r, n) for r, n in EXCEPT if (ROOT / "tests" / r / f"test_{n}.py").is_file()}
    assert tested == set(), "these have tests: strike them off"
    assert modules() >= EXCEPT, "these are gone: strike them off"
