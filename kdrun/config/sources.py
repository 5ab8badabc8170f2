"""The source of modules, found without importing them: the code of a run is part of what it is."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from kdrun.files.fingerprint import combined, contents, files_below


def plugin_code(targets: Sequence[str], plugins: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each module that a `_target_` of a plugin lies in, or that it imports.

    Args:
        targets: dotted names, `package.module.Name`.
        plugins: packages that the user declared. Modules of others are told by their versions.
    """
    packages = {plugin.partition(".")[0] for plugin in plugins}
    waiting = [name for name in targets if name.partition(".")[0] in packages]
    found: dict[str, str] = {}
    while waiting:
        module, file = _module_of(waiting.pop())
        if file is None or module in found:
            continue
        found[module] = contents([str(file)])[0]
        inside = module if file.name == "__init__.py" else module.rpartition(".")[0]
        imported = _imports(file, inside)
        waiting += [name for name in imported if name.partition(".")[0] in packages]
        waiting += [module.rpartition(".")[0]] if "." in module else []
    return dict(sorted(found.items()))


def _module_of(name: str) -> tuple[str, Path | None]:
    """The longest beginning of a dotted name that is a module, and its file."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        if file := file_of(module):
            return module, file
    return name, None


def file_of(module: str) -> Path | None:
    """The source of a module, found without importing it."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    # The processes of a sweep's jobs find what lies in the working folder, whoever started them.
    spec = spec or importlib.machinery.PathFinder.find_spec(top, [str(Path.cwd())])
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and Path(spec.origin).is_file() else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def _imports(file: Path, inside: str) -> Iterator[str]:
    """The dotted names that a module imports.

    Args:
        file: its source.
        inside: the package that it lies in, for relative imports.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):  # told by whoever imports it
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = inside.split(".")[: len(inside.split(".")) - node.level + 1]
            parts = [*(above if node.level else ()), *([node.module] if node.module else ())]
            yield from (".".join([*parts, name.name]) for name in node.names)


@cache
def kdrun_code() -> str:
    """A digest of kdrun's own modules, which tells versions apart that have one number."""
    here = Path(__file__).parents[1]
    files = sorted(file for file in files_below(here) if file.endswith(".py"))
    names = [str(Path(file).relative_to(here)) for file in files]
    return combined([*names, *contents(files)])
