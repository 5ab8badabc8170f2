"""Facts about every yaml of the group, whoever wrote it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from kdrun.config.instantiate import faults, locate
from kdrun.config.schema import DATASET_OWN
from kdrun.dataset.augment import Augment

ROOT = Path(__file__).parents[2]
YAMLS = sorted((ROOT / "configs" / "dataset").glob("*.yaml"))
NOT_ARGUMENTS = (*DATASET_OWN, "defaults")


def arguments(path: Path) -> dict[str, Any]:
    """What the function is called with; interpolations stay as they are written."""
    plain = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if key not in NOT_ARGUMENTS}


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_a_yaml_calls_the_function_of_its_name(path: Path) -> None:
    call = arguments(path)
    assert path.read_text().startswith("# ")
    assert (ROOT / "kdrun" / "dataset" / path.name).with_suffix(".py").is_file()
    assert (ROOT / "tests" / "dataset" / f"test_{path.stem}.py").is_file()
    assert [f for f in faults(call, "dataset", "dataset") if "is not set; give it" not in f] == []


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_a_yaml_says_what_the_function_defaults_to(path: Path) -> None:
    call = arguments(path)
    for name, parameter in inspect.signature(
        locate(call["_target_"], "dataset")
    ).parameters.items():
        if parameter.default is not parameter.empty and name != "fold":  # a fact of the run
            assert call[name] == parameter.default, name


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_augmentation_is_sound_and_fully_listed_where_there_is_any(path: Path) -> None:
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    options = config.get("augment")
    if options is not None:
        Augment(**options)
        # Hydra lets nobody set a key that is not there.
        assert set(options) == set(inspect.signature(Augment).parameters)
