"""What spares Hydra to compose a single run three times, each of a tenth of a second."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException


def compose(loader: ConfigLoader, words: list[str]) -> DictConfig | None:
    """A single run's config as Hydra will have it, with its own part; None where it cannot be."""
    mode = f"hydra.mode={RunMode.RUN.name}"  # as Hydra adds it
    try:
        return loader.load_configuration("config", [*words, mode], RunMode.RUN)
    except (HydraException, OmegaConfBaseException):
        return None


def without_hydra(whole: DictConfig) -> DictConfig:
    """A copy for those who only ask what the run is."""
    config = copy.deepcopy(whole)
    with open_dict(config):
        del config["hydra"]
    return config


@contextmanager
def given(whole: DictConfig | None) -> Iterator[None]:
    """Within it Hydra takes what was composed, once, and looks for its mode in no yaml of kdrun's.

    None of these says `hydra.mode`, and what was typed says it anyway.

    Args:
        whole: by `compose`, of the words that Hydra is given; None where it composes by itself.
    """
    get_mode, load = Hydra.get_mode, ConfigLoaderImpl.load_configuration

    def taken(self: ConfigLoaderImpl, *given: Any, **named: Any) -> DictConfig | None:
        ConfigLoaderImpl.load_configuration = load  # type: ignore[method-assign]
        return whole

    Hydra.get_mode = lambda self, *given, **named: None  # type: ignore[method-assign]
    if whole is not None:
        ConfigLoaderImpl.load_configuration = taken  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = get_mode  # type: ignore[method-assign]
        ConfigLoaderImpl.load_configuration = load  # type: ignore[method-assign]
