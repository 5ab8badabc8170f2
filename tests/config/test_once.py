"""A single run is composed once, to what Hydra would have composed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_automatic_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from kdrun.config import once, register, schema, validate
from kdrun.security import trust

WORDS = (
    [],
    ["student=linear", "loss.weights.kd=0.5", "seed=3", "hydra.run.dir=here"],
    ["experiment=teachers/ensemble", "~loss.weights.kd", "+teacher.recipe.lr=2", "loss=kd"],
)


def by_hydra(words: list[str]) -> DictConfig:
    """As `hydra.main` composes a run of kdrun's."""
    place = create_automatic_config_search_path(None, "kdrun.cli", str(schema.folder()))
    hydra = Hydra.create_main_hydra2("kdrun", place)
    try:
        return hydra.compose_config("config", [*words, "hydra.mode=RUN"], RunMode.RUN)
    finally:
        GlobalHydra.instance().clear()


@pytest.fixture
def known() -> Iterator[None]:
    trust.begin([])
    register.register()
    yield
    trust.end()


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("words", WORDS, ids=str)
def test_it_is_what_hydra_composes(words: list[str]) -> None:
    whole = validate.single(words).whole
    assert whole is not None
    assert OmegaConf.to_container(whole) == OmegaConf.to_container(by_hydra(words))


@pytest.mark.usefixtures("known")
def test_what_is_checked_is_the_run_without_hydras_own() -> None:
    config, whole = validate.single(["seed=3"])
    assert whole is not None
    assert "hydra" in whole
    assert "hydra" not in config
    assert config == validate.overrides(["seed=3"])


@pytest.mark.usefixtures("known")
def test_all_faults_are_still_found_where_hydra_stops_at_the_first() -> None:
    with pytest.raises(validate.ConfigError) as told:
        validate.single(["trains.epochs=1", "seed=one"])
    assert len(told.value.faults) == 2


@pytest.mark.usefixtures("known")
def test_what_was_composed_is_given_to_the_first_who_asks() -> None:
    whole = validate.single(["seed=3"]).whole
    with once.given(whole):
        assert by_hydra(["seed=4"]) is whole
        assert by_hydra(["seed=4"]).seed == 4
    assert by_hydra(["seed=4"]).seed == 4


def test_a_run_is_composed_once_and_folds_are_a_sweep(
    kdrun: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    load, count = ConfigLoaderImpl.load_configuration, []

    def counted(self: ConfigLoaderImpl, *given: Any, **named: Any) -> DictConfig:
        count.append(given)
        return load(self, *given, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    words = ("method=supervised", "student=linear", "train.epochs=1", "train.progress=false")
    assert kdrun(*words).status == 0
    assert len(count) == 1
    assert kdrun(*words, "cv.folds=2").status == 0
    assert len(list(Path("outputs/default").glob("*/record.json"))) == 3
