"""The words of a command as Hydra has to see them."""

from __future__ import annotations

from kdrun.config.typed import opened, plugins, within_choices


def test_plugin_is_the_override_that_it_means():
    words = ["-m", "loss=kd", "--plugin", "b", "plugins=[a]", "--plugin=c"]
    assert opened(words) == ["-m", "plugins=[a,b,c]", "loss=kd"]
    assert opened(["loss=kd", "plugins=[a]"]) == ["loss=kd", "plugins=[a]"]


def test_the_other_words_are_kept():
    rest: list[str] = []
    assert plugins(["x", "--plugin", "a", "y"], rest) == {"a"}
    assert rest == ["x", "y"]


def test_keys_of_a_swept_group_become_choices_of_one():
    words = ["transfer=coral,tca", "transfer.scaler=union", "seed=1"]
    assert within_choices(words) == {"transfer.scaler=union": "transfer.scaler=choice(union)"}


def test_of_several_experiments_each_may_choose_the_part_that_has_a_key():
    words = ["dataset.path=x.npz", "train.epochs=3", "name=here", "student=mlp"]
    written = {"dataset.path=x.npz": "dataset.path=choice(x.npz)"}
    assert within_choices(["experiment=a,b", *words]) == written
    assert within_choices(["experiment=a", *words]) == {}
