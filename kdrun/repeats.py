"""Which runs repeat one experiment: those alike in every setting but their own seed and fold."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from kdrun.table import IDENTITY, Row, Value, differences, setting

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


def setup(experiment: Config) -> str | None:
    """The hash by which repetitions know each other; None for a run that does not say what it is.

    Args:
        experiment: one of `experiments`.
    """
    return hashlib.sha256(_text(experiment).encode()).hexdigest()[:12] if experiment else None


def tell_apart(rows: Sequence[Row], configs: Sequence[Config]) -> None:
    """Add to rows the settings that tell otherwise equal ones apart, and their `setup`.

    Of all rows together it shows which seeds of parts were set, and which follow the run's own.

    Args:
        rows: changed in place.
        configs: of the same runs.
    """
    wholes = experiments(configs)
    keys = settings_apart(rows, wholes)
    for row, whole in zip(rows, wholes, strict=True):
        row |= {key: setting(whole, key) for key in keys}
        row["setup"] = setup(whole)


def settings_apart(rows: Sequence[Row], wholes: Sequence[Config]) -> list[str]:
    """The settings in which rows differ that agree in all that identifies them but the seed."""
    first: dict[tuple[Value, ...], Config] = {}
    keys: set[str] = set()
    for row, whole in zip(rows, wholes, strict=True):
        reference = first.setdefault(tuple([row.get(key) for key in IDENTITY]), whole)
        keys.update(differences(reference, whole))
    return sorted(keys)


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
