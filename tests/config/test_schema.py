"""Identity: the same experiment has the same folder, another one another."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from kdrun.config import identity
from kdrun.config import schema as config
from kdrun.config.register import register


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    register()
    with initialize_config_dir(version_base="1.3", config_dir=str(config.folder())):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("config", overrides=list(overrides))


def run_id(*overrides: str) -> str:
    return identity.run_id(identity.identify(composed(*overrides)))


def test_a_run_is_named_by_what_it_is():
    name = run_id("teacher=resnet20", "student=resnet8", "loss=[kd,at]", "seed=3")
    assert re.fullmatch(r"distill_resnet20-resnet8_kd\+at_digits_s3-[0-9a-f]{8}", name)
    assert run_id("method=supervised").startswith("supervised_resnet18_digits_s0-")
    assert "resnet26d" in run_id("student=timm", "student.model.name=resnet26d")


@pytest.mark.parametrize(
    "override",
    ["name=other", "rerun=all", "train.device=cpu", "train.progress=false", "cache=/tmp/x"],
)
def test_where_it_runs_is_not_what_it_is(override):
    assert run_id() == run_id(override)


@pytest.mark.parametrize(
    "override",
    [
        *("seed=1", "train.epochs=3", "optimizer.lr=0.3", "dataset.augment.flip=true"),
        *("loss.terms.kd.temperature=2", "loss.weights.kd=2", "teacher.seed=5"),
        *("teacher.recipe.epochs=3", "student=resnet34", "dataset.split_seed=1"),
    ],
)
def test_whatever_changes_the_result_changes_the_name(override):
    assert run_id() != run_id(override)


def test_a_method_is_not_told_apart_by_what_it_does_not_use():
    control = run_id("method=supervised")
    assert control == run_id("method=supervised", "teacher=vgg8", "loss=at")
    assert control != run_id("method=supervised", "optimizer.lr=0.3")


def test_every_method_is_told_apart_by_its_term_for_the_labels():
    own = "loss.terms.ce._target_=mypackage.Own"
    smooth = "loss.terms.ce.label_smoothing=0.2"
    words = ("method=supervised",)
    names = {run_id(*words), run_id(*words, own), run_id(*words, smooth)}
    assert len(names) == 3
    assert run_id(*words, "loss=dkd", "loss.weights.ce=2") in names


def test_unlike_precisions_are_unlike_runs():
    assert run_id("train.precision=fp32") != run_id("train.precision=bf16")


def test_losses_compose_and_keep_the_labels():
    loss = composed("loss=[kd,at]", "loss.weights.at=500").loss
    assert set(loss.terms) == {"ce", "kd", "at"}
    assert loss.weights.at == 500


def test_texts_have_the_kd_of_tokens_unless_another_loss_is_typed():
    for dataset in ("lines", "pairs"):
        loss = composed(f"dataset={dataset}").loss
        assert (loss.terms.kd.temperature, loss.weights.ce, loss.weights.kd) == (1, 0.5, 0.5)
        assert composed(f"dataset={dataset}", "loss=kd").loss.terms.kd.temperature == 4
        assert set(composed(f"dataset={dataset}", "loss=jsd").loss.terms) == {"ce", "jsd"}
        both = composed(f"dataset={dataset}", "loss=[tokens/kd,jsd]").loss
        assert (set(both.terms), both.weights.kd) == ({"ce", "kd", "jsd"}, 0.5)
    assert composed().loss.terms.kd.temperature == 4


def test_the_standard_library_is_of_the_python_that_runs():
    assert composed("dataset=stdlib").dataset.version == platform.python_version()


def test_an_optimizer_for_the_teacher_alone():
    cfg = composed("+optimizer@teacher.recipe.optimizer=adamw")
    assert cfg.teacher.recipe.optimizer._target_ == "torch.optim.AdamW"
    assert cfg.optimizer._target_ != "torch.optim.AdamW" or cfg.optimizer.lr is not None


def test_every_model_plays_both_roles():
    models = {path.stem for path in (config.folder() / "model").glob("*.yaml")}
    assert {"resnet18", "wrn_40_2", "vit_tiny", "mlp"} <= models
    for name in sorted(models)[::7]:
        cfg = composed(f"student={name}", f"teacher={name}")
        assert cfg.student.model == cfg.teacher.model
        assert cfg.student.name == cfg.teacher.name == name


def test_no_yaml_of_kdrun_sets_hydra_mode() -> None:
    """`once.given` rests on it."""
    for path in config.folder().rglob("*.yaml"):
        written = OmegaConf.load(path)
        assert OmegaConf.select(written, "hydra.mode") is None, path
