"""From a `_target_` in yaml to an object, behind one allow-list.

A yaml or a weights file may come from a stranger, so a name is looked up only where networks,
optimisers and kdrun's own parts live, and what is found must also be defined there: `os.system`
cannot be reached through a module that happens to import `os`.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

PARTS = ("dataset", "model", "teacher", "transfer", "loss", "method", "logger")
ALLOWED = (
    *(f"kdrun.{part}" for part in PARTS),
    "torch.nn",
    "torch.optim",
    "torchvision.models",
    "timm",
    "sklearn",
)


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint that ends an error message: the closest valid name, or all of them if they are few."""
    names = sorted(map(str, valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"allowed: {', '.join(names)}" if names and len(names) <= 30 else "see 'kdrun list'"


def _inside(name: str, prefixes: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def locate(path: str, plugins: Sequence[str] = ()) -> Callable[..., Any]:
    """Find the class or function that a `_target_` names.

    Args:
        path: dotted name, `package.module.Name`.
        plugins: packages that the user declared as trusted.

    Raises:
        ValueError: it does not exist, or lies outside the allow-list.
    """
    allowed = (*ALLOWED, *plugins)
    if not _inside(path, allowed):
        raise ValueError(
            f"_target_ '{path}' is not allowed: it must lie in {', '.join(allowed)}; "
            f"declare a package of your own with plugins=[{path.split('.')[0]}]"
        )
    module, rest = _import(path)
    found: Any = module
    for name in rest:
        if not hasattr(found, name):
            here = getattr(found, "__name__", path)
            own = [
                n
                for n, v in vars(found).items()
                if _inside(str(getattr(v, "__module__", "")), [here])
            ]
            hint = nearest(name, own)
            raise ValueError(f"_target_ '{path}' does not exist: no '{name}' in {here}; {hint}")
        found = getattr(found, name)
    home = getattr(found, "__module__", None) or ""
    if not callable(found) or not _inside(home, allowed):
        raise ValueError(f"_target_ '{path}' is not a class or function defined in {allowed}")
    return typing.cast("Callable[..., Any]", found)


def _import(path: str) -> tuple[types.ModuleType, list[str]]:
    """The longest prefix of `path` that is a module, and the names that are left."""
    names = path.split(".")
    for end in range(len(names), 0, -1):
        module_name = ".".join(names[:end])
        try:
            return importlib.import_module(module_name), names[end:]
        except ModuleNotFoundError as error:
            # A module that exists but lacks one of its own imports must say so.
            if error.name is None or not _inside(module_name, [error.name]):
                raise ValueError(
                    f"_target_ '{path}' needs the package '{error.name}', which is not installed"
                ) from error
    raise ValueError(f"_target_ '{path}': no module '{names[0]}' is installed")


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The named arguments that a callable takes."""
    return dict(inspect.signature(function).parameters)


def call(config: Mapping[str, Any], plugins: Sequence[str] = (), **facts: Any) -> Any:
    """Call what `config` describes: its `_target_`, with its other keys as arguments.

    Args:
        config: plain containers; a nested mapping with a `_target_` is called first.
        plugins: packages that the user declared as trusted.
        facts: what only the run knows, such as `num_classes`. Those that the callable names in
            its signature, and that `config` does not set, are passed.
    """
    function = locate(config["_target_"], plugins)
    taken = parameters(function)
    arguments = {k: _value(v, plugins) for k, v in config.items() if k != "_target_"}
    arguments |= {k: v for k, v in facts.items() if k in taken and k not in arguments}
    return function(**arguments)


def _value(value: Any, plugins: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return call(value, plugins)
        return {key: _value(item, plugins) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, plugins) for item in value]
    return value


def without(section: Mapping[str, Any], *own: str) -> dict[str, Any]:
    """A section less the keys that are not arguments of its `_target_`."""
    return {key: value for key, value in section.items() if key not in own}


def faults(
    config: Mapping[str, Any],
    where: str,
    plugins: Sequence[str] = (),
    facts: Iterable[str] = (),
) -> list[str]:
    """Everything that would go wrong in `call(config)`, told before anything is called.

    Args:
        config: as for `call`.
        where: its place in the run's config, for the messages.
        plugins: packages that the user declared as trusted.
        facts: names that the run will pass by itself.
    """
    if config.get("_target_") is None:
        return [f"{where}: no _target_ says which class or function to call"]
    try:
        function = locate(str(config["_target_"]), plugins)
    except ValueError as error:
        return [f"{where}: {error}"]
    taken = parameters(function)
    named = {k: p for k, p in taken.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    hints = _hints(function)
    found = []
    for key, value in config.items():
        if key == "_target_":
            continue
        if key not in named:
            if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
                hint = nearest(key, named.keys() - set(facts))
                found.append(f"{where}: {config['_target_']} takes no '{key}'; {hint}")
        elif isinstance(value, Mapping) and "_target_" in value:
            found += faults(value, f"{where}.{key}", plugins)
        elif value == "???":
            found.append(f"{where}.{key} is not set; give it a value on the command line")
        elif key in hints and not fits(value, hints[key]):
            found.append(f"{where}.{key}={_unfit(value, hints[key], str(named[key].annotation))}")
    missing = [
        key
        for key, parameter in named.items()
        if parameter.default is parameter.empty and key not in config and key not in facts
    ]
    found += [f"{where}: {config['_target_']} needs '{key}', which is not set" for key in missing]
    return found


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    owner = function.__init__ if inspect.isclass(function) else function
    try:
        return typing.get_type_hints(owner)
    except (NameError, TypeError):
        return {}  # foreign annotations that only a type checker can read


def _unfit(value: Any, hint: Any, annotation: str) -> str:
    """Why a value cannot stand where `hint` is asked for."""
    if typing.get_origin(hint) is typing.Literal:
        return f"{value} is not defined; {nearest(str(value), typing.get_args(hint))}"
    return f"{value!r} is not of type {annotation.replace('typing.', '')}"


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from yaml can stand where `hint` is asked for; unknown hints fit all."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in inner)
    if origin is typing.Literal:
        return value in inner
    if hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (bool, str):
        return isinstance(value, hint)
    if origin in (list, tuple, Sequence, Iterable):
        item = inner[0] if inner else Any
        return isinstance(value, (list, tuple)) and all(fits(v, item) for v in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping)
    return True
