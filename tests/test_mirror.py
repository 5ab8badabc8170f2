"""tests/ mirrors kdrun/: kdrun/loss/kd.py has tests/loss/test_kd.py; modules are what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
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


def test_a_module_that_says_it_imports_no_torch_does_not() -> None:
    light = []
    for path in sorted((ROOT / "kdrun").rglob("*.py")):
        said = ast.get_docstring(ast.parse(path.read_text())) or ""
        if "mports no torch" in " ".join(said.split()):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            light.append(name.removesuffix(".__init__"))
    assert {"kdrun.run.life", "kdrun.sweep", "kdrun.task"} <= {*light}
    script = (
        "import importlib, sys\n"
        f"for name in {light}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-300:]
