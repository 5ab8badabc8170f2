"""Which jobs of a sweep ask a teacher the same, so that one may ask for all. Imports no torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from kdrun.teacher.lineage import lineage

BATCHES = ("batch_size", "precision", "channels_last", "device", "devices", "nodes", "compile")
"""Settings of training that decide what a teacher is asked, and in which format it answers."""


def asks(config: DictConfig) -> str | None:
    """What a job asks of whom, in a word that others share who ask the same; None: nobody."""
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, enum_to_str=True)  # type: ignore[assignment]
    dataset, seed = dict(plain["dataset"]), plain["seed"]
    if (who := lineage(plain).teacher) is None:
        return None
    if (own := dataset.get("view_seed")) is not None:
        seed = own
    told = [who, dataset, seed, plain["cv"], {key: plain["train"][key] for key in BATCHES}]
    return json.dumps(told, sort_keys=True, default=str)


def learns(config: DictConfig) -> str | None:
    """From which batches a job learns, in a word that others share who learn from the same.

    Returns:
        None where it needs several devices.
    """
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, enum_to_str=True)  # type: ignore[assignment]
    train = plain["train"]
    if train["devices"] * train["nodes"] > 1:
        return None
    own = plain["dataset"].get("view_seed")
    seed, domain = plain["seed"] if own is None else own, plain["method"].get("domain")
    settings = {key: train[key] for key in (*BATCHES, "sampler", "accumulate")}
    told = [plain["dataset"], plain["task"], seed, plain["cv"], plain["plugins"], domain, settings]
    return json.dumps(told, sort_keys=True, default=str)


def repeated(configs: Iterable[DictConfig | None]) -> list[bool]:
    """Whether what each job asks is asked by another too; a job without a config asks nothing."""
    asked = [None if config is None else asks(config) for config in configs]
    times = Counter(one for one in asked if one is not None)
    return [one is not None and times[one] > 1 for one in asked]
