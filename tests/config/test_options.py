"""What `kdrun options` tells of each key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from kdrun.config import register, schema
from kdrun.config.catalogue import choices, groups
from kdrun.config.options import Option, of, root

PLACES = [schema.folder()]


def by_key(group: str, choice: str, places: list[Path] = PLACES) -> dict[str, Option]:
    return {option.key: option for option in of(group, choice, places)}


@pytest.mark.parametrize("group", groups(PLACES))
def test_no_key_lacks_a_comment(group):
    lacking = [
        f"{group}={choice}: {option.key}"
        for choice in choices(group, PLACES)
        for option in of(group, choice, PLACES)
        if not option.meaning.strip()
    ]
    assert not lacking


def test_no_key_of_the_root_lacks_a_comment():
    keys = {option.key for option in root() if option.meaning.strip()}
    assert len(keys) == len(root())
    assert {"seed", "cv.folds", "plugins", "source_model.recipe.lr"} <= keys


@pytest.mark.parametrize(
    "words",
    [
        ["loss=ab"],
        ["optimizer=sgd", "train=default"],
        ["student=sklearn_tree", "teacher=gradient_boosting"],
        ["student=resnet8x4", "teacher=resnet18"],
        ["dataset=table", "transfer=mcc"],
        ["logger=mlflow", "method=cross_domain"],
    ],
)
def test_each_key_is_one_of_the_config_with_the_default_that_it_has_there(words):
    register.register()
    Loader = get_yaml_loader()  # in which 5e-4 is a number  # noqa: N806
    with initialize_config_dir(version_base="1.3", config_dir=str(schema.folder())):
        config = compose("config", overrides=words)
    plain = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    for word in words:
        for option in of(*word.split("="), PLACES):
            if option.key[0] == "+" or "@" in option.key:
                continue
            place = plain
            for name in option.key.split("."):
                place = place[name]
            if "{" not in option.default:
                assert yaml.load(option.default, Loader) == place, option.key


def test_types_and_allowed_values_come_from_where_they_are_written():
    assert by_key("train", "default")["train.precision"].allowed == ("auto", "fp32", "bf16")
    assert by_key("train", "default")["train.grad_clip"].kind == "float or null"
    assert by_key("loss", "cc")["loss.terms.cc.form"].allowed == ("code", "kernel")
    assert by_key("dataset", "heart")["dataset.labels"].allowed == ("int", "all", "none")
    assert by_key("train", "default")["train.compile"].allowed == ("true", "false")
    assert by_key("optimizer", "sgd")["optimizer.lr"].kind == "float"


def test_a_comment_of_the_yaml_goes_before_the_docstring_of_what_it_calls():
    options = by_key("transfer", "tca")
    assert options["transfer.gamma"].meaning.startswith("of the rbf kernel; null: the inverse")
    assert options["transfer.n_components"].meaning  # which has no comment there
    assert "float, for training" not in options["transfer.gamma"].meaning


def test_arguments_that_the_yaml_leaves_alone_are_told_with_a_plus():
    options = by_key("student", "resnet18")
    assert options["+student.model.pretrained"].default == "false"
    assert "+student.model.num_classes" not in options


def test_a_choice_of_ones_own_is_told_too(tmp_path):
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_text(
        "# Mine.\nterms:\n  # half of it\n  mine: {_target_: mypackage.Mine, rate: 0.5}  # how\n"
        "weights: {mine: 1.0}\n"
    )
    options = by_key("loss", "mine", [*PLACES, tmp_path])
    assert options["loss.terms.mine"].meaning == "how"
    assert options["loss.terms.mine"].default == "{_target_: mypackage.Mine, rate: 0.5}"


def test_the_command_tells_a_group_and_a_choice(kdrun):
    told = kdrun("options", "loss=kd")
    assert told.status == 0
    assert "loss.terms.kd.temperature=4.0   (float)" in told.out
    assert "train.epochs=12   (int)" in kdrun("options", "train").out
    assert "of: breast_cancer" in kdrun("options", "dataset").out
    assert "seed=0   (int)" in kdrun("options").out


@pytest.mark.parametrize(
    ("asked", "hint"), [("los", "'loss'"), ("loss=kdd", "'kd'"), ("loss.kd", "there is no group")]
)
def test_a_mistyped_group_or_choice_is_told(kdrun, asked, hint):
    told = kdrun("options", asked)
    assert told.status == 2
    assert hint in told.err
