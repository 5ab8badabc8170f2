"""What Hydra must know of before it composes: schema, resolvers, and models of one's own."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from kdrun.config.register import register
from kdrun.config.schema import folder


def test_a_folder_of_ones_own_has_models_too_and_only_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    model = "_target_: kdrun.model.mlp.MLP\nhidden: [3]\n"
    (tmp_path / "model" / "mine.yaml").write_text(model)
    search = f"hydra.searchpath=[file://{tmp_path}]"
    try:
        register(str(tmp_path))
        with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
            config = compose("config", overrides=[search, "student=mine", "teacher=mine"])
        assert config.student.name == config.teacher.name == "mine"
        assert config.student.model.hidden == [3]
        assert "seed" in config.teacher
    finally:
        register()
    with (
        initialize_config_dir(version_base="1.3", config_dir=str(folder())),
        pytest.raises(Exception, match="mine"),
    ):
        compose("config", overrides=[search, "student=mine"])


def test_a_run_is_named_by_its_own_config() -> None:
    register()
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        config = compose("config", overrides=["student=linear", "method=supervised", "seed=4"])
    OmegaConf.update(config, "hydra", {"dir": "${run_id:}"}, force_add=True)
    assert re.fullmatch(r"supervised_linear_digits_s4-[0-9a-f]{8}", config.hydra.dir)
    config.seed = 5
    assert "_s5-" in config.hydra.dir


def test_the_stem_of_a_path_is_a_name() -> None:
    register()
    assert OmegaConf.create({"name": "${stem:/data/heart.v2.csv}"}).name == "heart.v2"


def test_the_store_is_not_copied_at_every_look_up() -> None:
    register()
    store = ConfigStore.instance()
    assert copy.deepcopy({"store": store})["store"] is store
    assert "schema.yaml" in store.list("")
