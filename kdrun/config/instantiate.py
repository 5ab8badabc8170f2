"""From a `_target_` in yaml to an object, behind the one rule of `kdrun.security.places`.

A yaml or a weights file may come from a stranger, so a name is looked up only where its place
allows, and everything that a description names, at any depth, is looked up before any of it is
called.
"""

from __future__ import annotations

import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kdrun.config.nearest import nearest
from kdrun.config.signature import fits, hints, parameters, unfit
from kdrun.security.places import IN_PLUGINS, INSIDE, closed, inside, private, rules, told

__all__ = ["call", "faults", "fits", "locate", "nearest", "parameters", "without"]

Function = Callable[..., Any]

DEEPEST = 20
"""Levels of a description; none that makes sense has more."""


def locate(path: str, place: str, plugins: Sequence[str] = ()) -> Function:
    """Find the class or function that a `_target_` names.

    Args:
        path: dotted name, `package.module.Name`.
        place: where it stands, a key of `kdrun.security.places.PLACES`.
        plugins: packages that were opened on the command line, or by a caller in Python.

    Raises:
        ValueError: it does not exist, or may not stand there.
    """
    return _locate(path, [place], plugins)


def _locate(path: object, places: Sequence[str], plugins: Sequence[str]) -> Function:
    if not isinstance(path, str):
        raise ValueError(f"_target_ is {path!r:.40}, and not the name of a class or function")
    if shut := closed(plugins):
        raise ValueError(
            f"plugins: '{shut[0]:.40}' is no package of yours: Python's own and those that kdrun "
            "stands on cannot be opened"
        )
    if inside(path, *plugins):
        found = _find(path)
        home = getattr(found, "__module__", None) or ""
        if not callable(found) or not inside(str(home), *plugins):
            raise ValueError(f"_target_ '{path}' is not a class or function defined in {home}")
        return typing.cast("Function", found)
    claiming = [rule for place in places for rule in rules(place, path)]
    found = _find(path) if claiming else None
    if not any(rule.admits(path, found) for rule in claiming):
        raise ValueError(
            f"_target_ '{path:.100}' is not allowed here; allowed: {_advice(path, places)}"
        )
    return typing.cast("Function", found)


def _advice(path: str, places: Sequence[str]) -> str:
    """What may stand in the place of a name that may not."""
    allowed = ", or ".join(map(told, places)) or "nothing may be called inside of this"
    package = path.split(".")[0]
    if closed([package]) or private(path):
        return allowed
    return f"{allowed}; to trust a package of your own, type plugins=[{package:.40}]"


def _find(path: str) -> Any:
    """What a dotted name that may be imported stands for."""
    module, rest = _import(path)
    found: Any = module
    for name in rest:
        if not hasattr(found, name):
            here = getattr(found, "__name__", path)
            own = [
                n for n, v in vars(found).items() if inside(str(getattr(v, "__module__", "")), here)
            ]
            hint = nearest(name, own)
            raise ValueError(f"_target_ '{path}' does not exist: no '{name}' in {here}; {hint}")
        found = getattr(found, name)
    return found


def _import(path: str) -> tuple[types.ModuleType, list[str]]:
    """The longest prefix of `path` that is a module, and the names that are left."""
    names = path.split(".")
    for end in range(len(names), 0, -1):
        module_name = ".".join(names[:end])
        try:
            return importlib.import_module(module_name), names[end:]
        except ModuleNotFoundError as error:
            # A module that exists but lacks one of its own imports must say so.
            if error.name is None or not inside(module_name, error.name):
                raise ValueError(
                    f"_target_ '{path}' needs the package '{error.name}', which is not installed"
                ) from error
    raise ValueError(f"_target_ '{path}': no module '{names[0]}' is installed")


def call(config: Mapping[str, Any], place: str, plugins: Sequence[str] = (), **facts: Any) -> Any:
    """Call what `config` describes: its `_target_`, with its other keys as arguments.

    Args:
        config: plain containers; a nested mapping with a `_target_` is called first.
        place: where it stands, a key of `kdrun.security.places.PLACES`.
        plugins: packages that were opened on the command line, or by a caller in Python.
        facts: what only the run knows, such as `num_classes`. Those that the callable names in
            its signature, and that `config` does not set, are passed.

    Raises:
        ValueError: something in it may not stand there, and nothing was called; or the arguments
            are not those of the callable.
    """
    if not isinstance(config, Mapping) or "_target_" not in config:
        raise ValueError(
            f"{config!r:.60} has no _target_ that says which class or function to call"
        )
    for _ in _targets(config, [place], plugins):
        pass  # all of them, before the first is called
    return _call(config, [place], plugins, facts)


def _call(
    config: Mapping[str, Any],
    places: Sequence[str],
    plugins: Sequence[str],
    facts: Mapping[str, Any],
) -> Any:
    function = _locate(config["_target_"], places, plugins)
    taken, within = parameters(function), _within(config["_target_"], places, plugins)
    arguments = {str(k): _value(v, within, plugins) for k, v in config.items() if k != "_target_"}
    arguments |= {k: v for k, v in facts.items() if k in taken and k not in arguments}
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{config['_target_']}: {error}") from error
    return function(**arguments)


def _within(path: str, places: Sequence[str], plugins: Sequence[str]) -> Sequence[str]:
    """The places of what stands in the arguments of something."""
    if inside(path, *plugins):
        return IN_PLUGINS
    return [within for place in places for within in INSIDE.get(place, ())]


def _targets(
    value: Any, places: Sequence[str], plugins: Sequence[str], depth: int = 0
) -> Iterator[Function]:
    """What a description calls, inner things included.

    Raises:
        ValueError: one may not stand where it does.
    """
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield _locate(value["_target_"], places, plugins)
            places = _within(value["_target_"], places, plugins)
        for inner in value.values():
            yield from _targets(inner, places, plugins, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _targets(inner, places, plugins, depth + 1)


def _value(value: Any, places: Sequence[str], plugins: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return _call(value, places, plugins, {})
        return {key: _value(item, places, plugins) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, places, plugins) for item in value]
    return value


def without(section: Mapping[str, Any], *own: str) -> dict[str, Any]:
    """A section less the keys that are not arguments of its `_target_`."""
    return {key: value for key, value in section.items() if key not in own}


def faults(
    config: Mapping[str, Any],
    place: str,
    where: str,
    plugins: Sequence[str] = (),
    facts: Iterable[str] = (),
) -> list[str]:
    """Everything that would go wrong in `call(config)`, told before anything is called.

    Args:
        config: as for `call`.
        place: likewise.
        where: its place in the run's config, for the messages.
        plugins: as for `call`.
        facts: names that the run will pass by itself.
    """
    return list(_faults(config, [place], where, plugins, facts))


def _faults(
    config: Mapping[str, Any],
    places: Sequence[str],
    where: str,
    plugins: Sequence[str],
    facts: Iterable[str],
) -> Iterator[str]:
    if config.get("_target_") is None:
        yield f"{where}: no _target_ says which class or function to call"
        return
    path = config["_target_"]
    try:
        function = _locate(path, places, plugins)
    except ValueError as error:
        yield f"{where}: {error}"
        return
    within = _within(path, places, plugins)
    taken = parameters(function)
    named = {k: p for k, p in taken.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    wanted = hints(function)
    for key, value in config.items():
        if key == "_target_":
            continue
        if key not in named:
            if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
                yield f"{where}: {path} takes no '{key}'; {nearest(key, named.keys() - set(facts))}"
                continue
        elif value == "???":
            yield f"{where}.{key} is not set; give it a value on the command line"
            continue
        elif key in wanted and not _is_call(value) and not fits(value, wanted[key]):
            yield f"{where}.{key}={unfit(value, wanted[key], str(named[key].annotation))}"
            continue
        yield from _inner(value, within, f"{where}.{key}", plugins)
    for key, parameter in named.items():
        if parameter.default is parameter.empty and key not in config and key not in facts:
            yield f"{where}: {path} needs '{key}', which is not set"


def _is_call(value: Any) -> bool:
    return isinstance(value, Mapping) and "_target_" in value


def _inner(
    value: Any, places: Sequence[str], where: str, plugins: Sequence[str], depth: int = 0
) -> Iterator[str]:
    """Faults of what is described inside of an argument, at any depth."""
    if depth > DEEPEST:
        yield f"{where:.60}…: it is nested more than {DEEPEST} levels deep"
    elif isinstance(value, Mapping) and "_target_" in value:
        yield from _faults(value, places, where, plugins, ())
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _inner(inner, places, f"{where}.{key}", plugins, depth + 1)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _inner(inner, places, f"{where}.{number}", plugins, depth + 1)
