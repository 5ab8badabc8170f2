"""What the source of a `_target_` says of its arguments; nothing is imported."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

from kdrun.config.sources import file_of


@dataclass(frozen=True)
class Argument:
    """An argument of a class or function.

    Attributes:
        annotation: its type as the source has it.
        allowed: the words or numbers that it may be, where the type lists them.
        default: as the source has it; None without one.
        meaning: what the docstring says of it.
    """

    annotation: str = ""
    allowed: tuple[str, ...] = ()
    default: str | None = None
    meaning: str = ""


@cache
def arguments(target: str) -> dict[str, Argument]:
    """The arguments of what a dotted name stands for, if it is of kdrun; else none.

    Args:
        target: `package.module.Name`.
    """
    module, _, name = target.rpartition(".")
    if not target.startswith("kdrun."):
        return {}
    return _arguments(module, name)


def _arguments(module: str, name: str) -> dict[str, Argument]:
    file = file_of(module)
    if file is None:
        return {}
    tree = ast.parse(file.read_bytes())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            found = _of(node, ast.get_docstring(node) or "", tree)
            return _spelled_out(found, node, tree, module)
        if isinstance(node, ast.ClassDef) and node.name == name:
            own = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
            if own:
                return _of(own[0], ast.get_docstring(node) or "", tree)
            if any("dataclass" in ast.unparse(one) for one in node.decorator_list) or any(
                ast.unparse(one) == "NamedTuple" for one in node.bases
            ):
                return _fields(node, tree)
            return _inherited(node, tree, module)
    return {}


def _spelled_out(
    found: dict[str, Argument], node: ast.FunctionDef, tree: ast.Module, module: str
) -> dict[str, Argument]:
    """With the fields of a value in its place, where a dataset's decorators do the same."""
    decorators = [one for one in node.decorator_list if isinstance(one, ast.Call)]
    given = {key.arg for one in decorators for key in one.keywords}
    if any(ast.unparse(one.func) == "with_cuts" for one in decorators):
        given.add("cuts")
    told: dict[str, Argument] = {}
    for name, one in found.items():
        own = _arguments(_home(one.annotation, tree, module), one.annotation)
        told |= own if name in given and own else {name: one}
    if "cuts" in given and "test_fraction" not in given:
        told.pop("test_fraction", None)
    return told


def _home(name: str, tree: ast.Module, module: str) -> str:
    """The module in which a name of a module is defined."""
    homes = {alias.asname or alias.name: one.module for one, alias in _imported(tree)}
    return homes.get(name) or module


def _inherited(node: ast.ClassDef, tree: ast.Module, module: str) -> dict[str, Argument]:
    """The arguments of the first base of a class that has any, and what the class says of them."""
    said = _meanings(ast.get_docstring(node) or "")
    for base in node.bases:
        found = _arguments(_home(ast.unparse(base), tree, module), ast.unparse(base))
        if found:
            return {
                key: Argument(one.annotation, one.allowed, one.default, said.get(key, one.meaning))
                for key, one in found.items()
            }
    return {}


def _imported(tree: ast.Module) -> list[tuple[ast.ImportFrom, ast.alias]]:
    return [(n, name) for n in tree.body if isinstance(n, ast.ImportFrom) for name in n.names]


def _of(function: ast.FunctionDef, docstring: str, tree: ast.Module) -> dict[str, Argument]:
    taken = function.args
    named = [*taken.posonlyargs, *taken.args]
    defaults: list[ast.expr | None] = [None] * (len(named) - len(taken.defaults))
    pairs = [*zip(named, [*defaults, *taken.defaults], strict=True)]
    pairs += [*zip(taken.kwonlyargs, taken.kw_defaults, strict=True)]
    said = _meanings(docstring)
    return {
        one.arg: _argument(one.annotation, default, said.get(one.arg, ""), tree)
        for one, default in pairs
        if one.arg != "self"
    }


def _fields(node: ast.ClassDef, tree: ast.Module) -> dict[str, Argument]:
    said = _meanings(ast.get_docstring(node) or "")
    return {
        one.target.id: _argument(one.annotation, one.value, said.get(one.target.id, ""), tree)
        for one in node.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }


def _argument(
    annotation: ast.expr | None, default: ast.expr | None, meaning: str, tree: ast.Module
) -> Argument:
    return Argument(
        ast.unparse(annotation) if annotation else "",
        _allowed(annotation, tree),
        ast.unparse(default) if default else None,
        meaning,
    )


def _allowed(annotation: ast.expr | None, tree: ast.Module) -> tuple[str, ...]:
    """All alternatives of a type that has a `Literal`, in it or under a name of its module."""
    if annotation is None:
        return ()
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    aliases = _aliases(tree)
    for one, name in _imported(tree):
        if name.name in names and (one.module or "").startswith("kdrun."):
            file = file_of(str(one.module))
            aliases |= _aliases(ast.parse(file.read_bytes())) if file else {}
    parts, found, listed = [annotation], [], False
    while parts:
        part = parts.pop(0)
        if isinstance(part, ast.BinOp):
            parts[:0] = [part.left, part.right]
        elif isinstance(part, ast.Name) and part.id in aliases:
            parts.insert(0, aliases[part.id])
        elif isinstance(part, ast.Subscript) and ast.unparse(part.value) == "Literal":
            listed = True
            found += [str(n.value) for n in ast.walk(part.slice) if isinstance(n, ast.Constant)]
        else:
            found.append({"None": "null"}.get(ast.unparse(part), ast.unparse(part)))
    return tuple(found) if listed else ()


def _aliases(tree: ast.Module) -> dict[str, ast.expr]:
    """The names that a module gives to something."""
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _meanings(docstring: str) -> dict[str, str]:
    """What the sections Args and Attributes of a docstring say, by name."""
    found: dict[str, str] = {}
    for section in re.findall(r"^(?:Args|Attributes):\n((?:[ ]{4}.*\n?|\n)+)", docstring, re.M):
        name = ""
        for line in section.splitlines():
            begins = re.match(r" {4}(\w+): (.*)", line)
            if begins:
                name, found[begins[1]] = begins[1], begins[2]
            elif name and line.strip():
                found[name] += f" {line.strip()}"
    return found
