"""How the house is built: no circle of imports, no long module, no long function."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES, OF_A_FUNCTION, AT_THE_TOP = 300, 60, 20


def parsed() -> dict[str, tuple[Path, ast.Module]]:
    """Every module by its dotted name."""
    found = {}
    for path in sorted((ROOT / "kdrun").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path, ast.parse(path.read_text())
    return found


MODULES = parsed()


def imported(name: str) -> set[str]:
    """What of kdrun a module imports anywhere, for its annotations too."""
    found: set[str] = set()
    for node in ast.walk(MODULES[name][1]):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = {f"{node.module}.{one.name}" for one in node.names}
            found |= {one if one in MODULES else node.module for one in within}
    return (found & MODULES.keys()) - {name}


def test_no_circle_of_imports() -> None:
    left = {name: imported(name) for name in MODULES}
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}, "these import each other, or what does"


def test_the_top_is_small() -> None:
    top = [path for path in (ROOT / "kdrun").glob("*.py") if path.stem != "__init__"]
    assert len(top) <= AT_THE_TOP


def test_no_module_is_long() -> None:
    long = {name: len(path.read_text().splitlines()) for name, (path, _) in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > LINES} == {}


def test_no_function_is_long() -> None:
    long = {
        f"{name}.{node.name}": lines
        for name, (_, tree) in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > OF_A_FUNCTION
    }
    assert long == {}
