"""Which runs repeat one experiment: those alike in every setting but their own seed and fold."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdrun.results.table import IDENTITY, Row, Value, differences, setting

Config = dict[str, Any]

SEEDS = ("seed", "random_state")
"""Last words of keys that are seeds. Nothing else is one, whatever its value happens to be."""

FOLLOWS = "seed"
"""Stands in place of a seed that is the run's own, as `${seed}` makes it."""


def experiments(configs: Sequence[Config]) -> list[Config]:
    """Configs without their own seed and fold; seeds of parts that follow the own are `FOLLOWS`.

    A part's seed that equals the run's own follows it, unless another run like this one has the
    same number under another seed: then somebody has set it.

    Args:
        configs: resolved, without runtime-only keys; not changed.
    """
    bare = [copy.deepcopy(config) for config in configs]
    own = [config.pop("seed", None) for config in bare]
    for config in bare:
        if isinstance(config.get("cv"), dict):
            config["cv"].pop("fold", None)
    seeds = [list(_seeds(config)) for config in bare]
    kinds = [_without(config, places) for config, places in zip(bare, seeds, strict=True)]
    everyone = list(zip(kinds, own, seeds, strict=True))
    given = {
        (kind, name, _text(place[key]))
        for kind, seed, places in everyone
        for name, place, key in places
        if place[key] != seed
    }
    for kind, seed, places in everyone:
        for name, place, key in places:
            follows = seed is not None and place[key] == seed
            if follows and (kind, name, _text(seed)) not in given:
                place[key] = FOLLOWS
    return bare


def whole(record: Mapping[str, Any]) -> Config:
    """The config of a run with what it read in the place of each path, and its plugins' source.

    Args:
        record: whose `files` have the `sha256` by the place of the key, and whose `code` has that
            of each module; either may be absent.
    """
    config = copy.deepcopy(record.get("config") or {})
    for place, noted in _noted(record):
        _put(config, place.split("."), noted["sha256"])
    modules = {k: v for k, v in _mapping(record, "code").items() if k != "kdrun"}
    if modules:
        # A dot would be read as a section's.
        config["code"] = {k.replace(".", "/"): str(v)[:8] for k, v in modules.items()}
    return config


def versions(record: Mapping[str, Any]) -> Row:
    """The columns `kdrun` and `torch`; the first with digits of its source, where that is known."""
    told = record.get("versions") or {}
    number, source = told.get("kdrun"), _mapping(record, "code").get("kdrun")
    known = [str(part) for part in (number, source and str(source)[:8]) if part]
    return {"kdrun": "+".join(known) or None, "torch": told.get("torch")}


def setup(experiment: Config) -> str | None:
    """The hash by which repetitions know each other; None for a run that does not say what it is.

    Args:
        experiment: one of `experiments`.
    """
    return hashlib.sha256(_text(experiment).encode()).hexdigest()[:12] if experiment else None


def tell_apart(rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> None:
    """Add to rows the settings that tell otherwise equal ones apart, and their `setup`.

    Of all rows together it shows which seeds of parts were set, and which follow the run's own.

    Args:
        rows: changed in place.
        records: of the same runs.
    """
    wholes = experiments([whole(record) for record in records])
    keys = settings_apart(rows, wholes)
    paths = _paths(records)
    for row, one in zip(rows, wholes, strict=True):
        values = {key: setting(one, key) for key in keys}
        row |= {key: paths.get(value, value) for key, value in values.items()}
        row["setup"] = setup(one)


def settings_apart(rows: Sequence[Row], wholes: Sequence[Config]) -> list[str]:
    """The settings in which rows differ that agree in all that identifies them but the seed."""
    first: dict[tuple[Value, ...], Config] = {}
    keys: set[str] = set()
    for row, one in zip(rows, wholes, strict=True):
        reference = first.setdefault(tuple([row.get(key) for key in IDENTITY]), one)
        keys.update(differences(reference, one))
    return sorted(keys)


def _paths(records: Sequence[Mapping[str, Any]]) -> dict[Value, str]:
    """The path of each content that was read; with digits of its hash where a path had several."""
    told: dict[Value, str] = {}
    for record in records:
        for _, noted in _noted(record):
            told.setdefault(noted["sha256"], str(noted.get("path")))
    paths = list(told.values())
    return {
        digest: f"{path}@{str(digest)[:8]}" if paths.count(path) > 1 else path
        for digest, path in told.items()
    }


def _noted(record: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    files = _mapping(record, "files").items()
    return [(k, v) for k, v in files if isinstance(v, dict) and isinstance(v.get("sha256"), str)]


def _mapping(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    return record[key] if isinstance(record.get(key), dict) else {}


def _put(section: Any, place: Sequence[str], value: str) -> None:
    """Set what is at a place, in which the items of a list have numbers, if it is there."""
    *parents, last = place
    for part in parents:
        section = _inside(section, part)
    if isinstance(section, dict) and last in section:
        section[last] = value
    elif isinstance(section, list) and last.isdigit() and int(last) < len(section):
        section[int(last)] = value


def _inside(section: Any, part: str) -> Any:
    if isinstance(section, dict):
        return section.get(part)
    if isinstance(section, list) and part.isdigit() and int(part) < len(section):
        return section[int(part)]
    return None


def _seeds(section: Config, prefix: str = "") -> Iterator[tuple[str, Config, str]]:
    """The seeds in a config: the dotted name, the section it stands in, the key there."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _seeds(value, f"{prefix}{key}.")
        elif key in SEEDS:
            yield f"{prefix}{key}", section, key


def _without(config: Config, places: Sequence[tuple[str, Config, str]]) -> str:
    """A config as text, whatever its seeds are."""
    values = [place[key] for _, place, key in places]
    for _, place, key in places:
        place[key] = FOLLOWS
    text = _text(config)
    for (_, place, key), value in zip(places, values, strict=True):
        place[key] = value
    return text


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
