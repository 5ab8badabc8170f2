"""A key that nothing reads is told with the one that was meant, wherever that stands."""

from __future__ import annotations

import copy

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.config import register
from kdrun.config.schema import folder
from kdrun.config.unread import dotted, meant, readable, unread


@pytest.fixture(scope="module")
def base() -> DictConfig:
    register.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        return compose("config", overrides=["student=linear", "teacher=mlp"])


def told(base: DictConfig, *settings: tuple[str, object]) -> list[str]:
    config = copy.deepcopy(base)
    for key, value in settings:
        OmegaConf.update(config, key, value, force_add=True)
    return list(unread(config))


def test_every_key_of_the_configs_is_read(base: DictConfig) -> None:
    assert told(base) == []


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("foo", "foo: nothing reads this key; "),
        ("epochs", "epochs: nothing reads this key; did you mean 'train.epochs'?"),
        ("train.epoch", "train.epoch: nothing reads this key; did you mean 'epochs'?"),
        ("teacher.recipe.rate", "teacher.recipe.rate: nothing reads this key; "),
        ("student.recipe", "student.recipe: nothing reads this key; "),
        ("source_model.seeds", "source_model.seeds: nothing reads this key; did you mean 'seed'?"),
        ("loss.term", "loss.term: nothing reads this key; did you mean 'terms'?"),
    ],
)
def test_one_that_is_not_is_told_with_what_was_meant(base: DictConfig, key: str, hint: str) -> None:
    (fault,) = told(base, (key, 1))
    assert fault.startswith(hint)


def test_what_another_key_refers_to_is_read(base: DictConfig) -> None:
    assert told(base, ("size", 32), ("train.batch_size", "${size}")) == []
    inside = (("mine", {"rate": 0.1}), ("optimizer.lr", "${oc.select:mine.rate}"))
    assert told(base, *inside) == []
    assert len(told(base, ("size", 32), ("train.batch_size", "${sizes}"))) == 1


def test_arguments_of_a_target_are_left_to_its_signature(base: DictConfig) -> None:
    assert told(base, ("optimizer.whatever", 1), ("loss.terms.kd.whatever", 1)) == []
    assert told(base, ("teacher", {"_target_": "x", "whatever": 1})) == []


def test_a_slip_beside_a_key_goes_before_one_elsewhere() -> None:
    assert meant("temprature", ["temperature"], ["a.temperature"]) == "did you mean 'temperature'?"
    assert meant("temprature", ["weight"], ["b.x", "b.temperature", "a.b.temperature"]) == (
        "did you mean 'b.temperature'?"
    )
    assert meant("zzz", ["b", "a"], []) == "allowed: a, b"


def test_keys_have_their_place() -> None:
    config = OmegaConf.create({"a": {"b": {"c": "${nothing}"}}, "d": [{"e": 1}]})
    assert dotted(config) == ["a", "a.b", "a.b.c", "d"]


def test_an_error_of_omegaconf_becomes_a_line_with_the_key() -> None:
    config = OmegaConf.create({"optimizer": {"lr": 1, "momentum": 2}, "x": "${optimizer.rate}"})
    OmegaConf.set_struct(config, True)
    with pytest.raises(OmegaConfBaseException) as absent:
        config.optimizer["momentun"]
    assert readable(absent.value) == (
        "optimizer.momentun: there is no 'momentun' here; did you mean 'momentum'?"
    )
    with pytest.raises(OmegaConfBaseException) as dangling:
        config["x"]
    assert readable(dangling.value).startswith("x: Interpolation key 'optimizer.rate' not found")
    assert readable(ValueError("one\ntwo")) == "one\ntwo"
    assert readable(KeyError()) == "KeyError"


def test_what_is_wrong_with_the_data_is_told_without_the_folder_that_asked() -> None:
    def missing() -> str:
        raise ValueError("hf://a/b is not to be had")

    OmegaConf.register_new_resolver("missing_here", missing, replace=True)
    config = OmegaConf.create(
        {"hydra": {"run": {"dir": "${missing_here:}"}}, "x": "${missing_here:}"}
    )
    for key, said in (("hydra", "hf://a/b is not to be had"), ("x", "x: ValueError raised while")):
        with pytest.raises(OmegaConfBaseException) as error:
            _ = config.hydra.run.dir if key == "hydra" else config.x
        assert readable(error.value).startswith(said)
    OmegaConf.clear_resolver("missing_here")
