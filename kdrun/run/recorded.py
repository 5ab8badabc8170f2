"""The data of a run as its record describes them. A record is a file, and may be malformed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdrun.config.instantiate import call, without
from kdrun.config.schema import DATASET_OWN
from kdrun.run.builder import fold
from kdrun.types import Dataset


def read_data(config: Mapping[str, Any], plugins: Sequence[str]) -> Dataset:
    """Read the data again; nothing is fetched for a record.

    Args:
        config: of the record.
        plugins: packages that its `_target_` may lie in.

    Raises:
        ValueError: it describes no data, or they cannot be read.
        OSError: they are gone.
    """
    try:
        section = without(config["dataset"], *DATASET_OWN)
        if "download" in section:
            section["download"] = False
        data: Dataset = call(section, "dataset", plugins, fold=fold(config))
        return data
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"the record does not describe its data ({told:.200})") from error
