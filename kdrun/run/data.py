"""The data of a run, as its config or its record describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdrun.config.called import at_root
from kdrun.dataset.fold import Fold
from kdrun.task.choose import with_task
from kdrun.types import Dataset


def data_of(plain: Mapping[str, Any]) -> Dataset:
    """Read the data that a run's config names, cut as it says, for the task that it names.

    Args:
        plain: the config as plain containers.

    Raises:
        ValueError: they are not as the config says.
    """
    data: Dataset = at_root("dataset", plain)(fold=fold(plain))
    return with_task(data, plain.get("task"), plain["plugins"])


def fold(plain: Mapping[str, Any]) -> Fold | None:
    """What a run of a cross-validation tests on; None for the dataset's own split."""
    cv = plain.get("cv") or {}
    return Fold(cv["fold"], cv["folds"]) if cv.get("folds") else None


def learnt_from(plain: Mapping[str, Any]) -> Dataset:
    """The data that a run learns from: of its two domains the source, where its method says so.

    Args:
        plain: the config as plain containers.

    Raises:
        ValueError: they are not as the config says; the message names them.
    """
    name = plain["dataset"]["name"]
    try:
        data = data_of(plain)
    except ValueError as error:
        raise ValueError(f"dataset {name}: {error}") from error
    if plain["method"].get("domain") != "source":
        return data
    if data.source is None:
        raise ValueError(f"dataset {name}: name the domain, dataset.source=...")
    return data.source


def read_data(config: Mapping[str, Any], plugins: Sequence[str]) -> Dataset:
    """Read the data of a record, a file that may be malformed; nothing is fetched for it.

    Args:
        config: of the record.
        plugins: packages that its `_target_` may lie in.

    Raises:
        ValueError: it describes no data, or they cannot be read.
        OSError: they are gone.
    """
    try:
        section = dict(config["dataset"])
        if "download" in section:
            section["download"] = False
        return data_of({**config, "dataset": section, "plugins": plugins})
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"the record does not describe its data ({told:.200})") from error
